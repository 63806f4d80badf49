// What tf.js 4.22.0 (CPU) did with each op case: `sync` right in predict and executeAsync, `async` right in executeAsync only,
// `no` wrong or failing. NAME.low, NAME.low1 ... are the lowerings of the case NAME.
const by = {
  sync: `band_lower.low band_upper.low band_both band_both.low band_asym.low einsum_mixed_case.low einsum_ellipsis.low
    einsum_one einsum_sum einsum_outer einsum_sum_free matmul_int matrix_diag.low bitwise_and.low bitwise_or.low
    bitwise_xor.low invert.low left_shift.low right_shift.low floordiv_float.low floordiv_int floordiv_int_big
    floormod_float floormod_int mod_int.low mod_int.low1 mod_float.low truncatediv_int.low realdiv_int_exact divnonan
    divnonan_nan divnonan_nan.low mulnonan.low xlogy.low pow_int pow_int_big mul_int_wrap add_int_wrap maximum_nan
    abs_int neg_int sign_int sign_int.low square_int round rint.low erf erf_loose erfc.low leaky_relu leaky_relu_default
    elu selu softplus softsign.low relu6 relu_int clip clip_tensor.low clip_int isnan isinf isfinite atan2 expm1 log1p
    acosh squared_difference_int addn accumulate_int select_rows.low select_rows_3.low select_v2 select_v2_int
    select_v2_bool select_v2_nan equal_string notequal_string equal_bool equal_nan logical_and_broadcast onehot
    onehot_axis0.low onehot_depth1.low onehot_scalar onehot_int onehot_bool range_float range_down range_float_tenth
    fill_float fill_int fill_bool fill_string fill_scalar fill_empty zeros_like_int zeros_like_bool ones_like_int
    ones_like_bool linspace linspace_one cast_float_uint8 cast_float_uint8_out.low cast_float_bool cast_int_bool
    cast_bool_float cast_int64 cast_double concat_int concat_bool concat_string concat_empty concat_all_empty concat_neg
    concat_empty_axis1 pack_scalars pack_neg pack_string pack_int unpack unpack_neg unpack_string splitv split split_neg
    ss_basic ss_negative ss_masks ss_neg_masks ss_shrink ss_shrink_neg1 ss_newaxis ss_ellipsis ss_ellipsis_mid
    ss_ellipsis_new_shrink ss_empty ss_over ss_vector_scalar ss_new_end ss_bool ss_string ss_string_shrink
    ss_string_stride slice slice_string squeeze_all squeeze_dims squeeze_neg squeeze_string ensure_shape.low tile_bool
    tile_string tile tile_zero gather gather_neg_axis gather_batch gather_batch_neg gather_scalar gather_string.low
    gather_bool gather_empty gather_batch_axis2 gather_nd gather_nd_rows gather_nd_3 gather_nd_string gather_nd_empty
    scatter_nd scatter_nd_rows scatter_nd_2 scatter_nd_int scatter_nd_empty tensor_scatter_update.low
    tensor_scatter_update.low1 tensor_scatter_add.low unique unique_string topk topk_int topk_nan reverse reverse_bool
    transpose5 transpose6 transpose_bool broadcast_to broadcast_to_bool broadcast_to_scalar broadcast_to_int
    reshape_infer reshape_empty expand_dims_neg rank size shape shape_n.low pad padv2 mirror_reflect mirror_symmetric
    mirror_scalar_rank4 pad_bool roll.low space_to_batch batch_to_space space_to_depth.low depth_to_space mean_int.low
    mean_two mean_scalar_axis mean_no_axis sum_no_axis max_no_axis all_no_axis sum_int sum_empty max_int max_neg min_nan
    prod_int prod_two all_two any_neg euclidean argmax_neg argmax_rank3 argmin argmax_tie argmax_int cumsum_1 cumsum_rev
    cumsum_int cumprod_neg.low cumprod_0 cumprod_0.low cumprod_1 cumprod_rev dense_bincount dense_bincount_2
    bincount_weights bincount_weights.low softmax1 softmax3 log_softmax softmax_big lrn bn bn_train.low conv conv_stride
    conv_dil conv_dil_stride.low conv_explicit conv_stride_hw conv_grouped.low dw dw_stride dw_dil dw_explicit
    convt_same convt_same_odd convt_valid convt_valid_more convt_explicit avgpool maxpool maxpool_explicit.low
    avgpool_3_1 maxpool_stride_gt_k avgpool_stride_gt_k bilinear_plain_up nearest_plain_up bilinear_plain_down
    nearest_plain_down bilinear_align_up nearest_align_up bilinear_align_down nearest_align_down bilinear_half_up
    nearest_half_up bilinear_half_down nearest_half_down crop_and_resize rfft fft complex_abs complex_abs.low complex
    real complex_mul string_hash regex_lower sparse_to_dense search_sorted bucketize.low biasadd l2loss.low
    invert_permutation.low segment_sum.low bmm_same bmm_left_matrix bmm_right_matrix bmm_one bmm_suffix bmm_suffix_left
    bmm_prefix.low bmm_cross.low bmm_empty matmul_empty_inner sign_nan2.low cumsum_m2.low cumsum_m3.low cumprod_m2.low
    cumprod_m3.low cumsum_neg2.low cumprod_prec cumprod_int prod_empty any_empty all_no_elements.low max_no_elements.low
    mean_int_big.low split_str.low rfft_cut.low rfft_rank2 rfft_odd fft_rank2 ifft irfft1.low irfft_rank2 rfft_pad
    broadcast_string.low transpose_strings.low bn_infer unpack_scalars reverse_empty transpose_scalar slice_empty
    pad_empty expand_string reshape_string string_equal_scalar size_scalar shape_scalar range_zero less_int_big
    equal_int_big maximum_int sum_int_big gather_int_big concat_int_big select_int_big pad_int_big max_int_big
    floordiv_minus1 cast_int_float_big exp_int_like rsqrt reciprocal tan prod_bool_free space_to_batch_w
    einsum_diagonal.low bincount_binary.low and_mask.low xdivy_zero.low div_int_trunc.low rfft_grow rfft_grow.low
    min_no_elements.low fused_matmul_bias fused_conv_bias fused_dw_bias fused_matmul_relu fused_conv_relu fused_dw_relu
    fused_matmul_relu6 fused_conv_relu6 fused_dw_relu6 fused_matmul_elu fused_conv_elu fused_dw_elu fused_matmul_sigmoid
    fused_conv_sigmoid fused_dw_sigmoid fused_matmul_leakyrelu fused_conv_leakyrelu fused_matmul_prelu fused_conv_prelu
    fused_dw_prelu fused_conv_explicit prelu`,
  async: `where where_none where_float listdiff nms3 nms4 nms2 nms_boundary.low nms_score_boundary nms_no_box nms_flipped
    nms_soft.low nms_hard5.low gather_string_dynamic.low`,
  no: `band_lower band_upper band_asym einsum_mixed_case einsum_ellipsis einsum_diag batch_matmul_broadcast matrix_diag
    bitwise_and bitwise_or bitwise_xor invert left_shift right_shift floordiv_float mod_int mod_float truncatemod_int
    truncatediv_int div_int mulnonan xdivy xlogy sign_nan rint erfc softsign clip_tensor betainc_like_lgamma select_rows
    select_rows_3 select_v2_string onehot_axis0 onehot_depth1 zeros_like_string cast_float_int cast_float_uint8_out
    ensure_shape gather_string tensor_scatter_update tensor_scatter_update.low2 tensor_scatter_add reverse_sequence
    transpose_string broadcast_to_string shape_n roll space_to_depth mean_int max_empty all_empty cumsum_neg cumprod_neg
    dense_bincount_binary bn_train conv_dil_stride conv_grouped maxpool_explicit nms5 nms5.low rfft_short irfft
    string_lower string_join as_string regex bucketize l2loss invert_permutation segment_sum bmm_prefix bmm_cross
    sign_nan2 cumsum_m2 cumsum_m3 cumprod_m2 cumprod_m3 cumsum_neg2 min_empty mean_empty all_no_elements max_no_elements
    mean_int_big split_str rfft_cut irfft1 irfft_odd nms_boundary nms_soft nms_hard5 gather_string_dynamic
    broadcast_string transpose_strings split_string inv einsum_diagonal bincount_binary and_mask xdivy_zero
    div_int_trunc min_no_elements fused_dw_leakyrelu fused_matmul_tanh fused_conv_tanh fused_dw_tanh`,
};
export const works = Object.fromEntries(Object.entries(by).flatMap(([how, ids]) => ids.split(/\s+/).map(id => ['op.' + id, how])));
