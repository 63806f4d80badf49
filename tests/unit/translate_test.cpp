// Configurations from one generation of Keras to another, and the names of weights in each format.
#include <gtest/gtest.h>

#include "layers/keras2_spelling.h"
#include "layers/optimizer_state.h"
#include "layers/training_config.h"
#include "layers/translate.h"
#include "layers/weight_names.h"

namespace isomer::layers {
namespace {

JsonValue json(const std::string& text) { return read_json(text, {}).value(); }

// The result's configuration, or the error.
std::string translated(const std::string& text, Generation from, Spelling to, bool rewrite = false) {
  const JsonValue topology = json(text);
  const auto model = read_model(topology, from, {});
  if (!model) return model.error().message;
  LoweringOptions lowering;
  lowering.keep_unknown_layers = true;
  const auto lowered = lower(*model, lowering);
  if (!lowered) return lowered.error().message;
  TranslateOptions options;
  options.rewrite_unsupported_layers = rewrite;
  options.input_shapes = &lowered->input_shapes;
  options.result_shapes = &lowered->result_shapes;
  options.masked_layers = &lowered->masked_layers;
  const auto result = translate(*model, topology, to, options);
  return result ? write_json(result->config).value() : result.error().message;
}

// One layer behind an input of this shape.
std::string behind_input(const std::string& shape, const std::string& layer) {
  return R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": )" +
         shape + "}}, " + layer + "]}}";
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr const char* kKeras3 =
    R"({"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional", "config": {"name": "f", "layers": [
  {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 5, 3], "dtype": "float32", "sparse": false, "name": "x"}, "name": "x", "inbound_nodes": []},
  {"module": "keras.layers", "class_name": "LSTM", "config": {"name": "enc", "units": 2, "return_state": true, "recurrent_activation": "sigmoid",
     "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": null},
     "kernel_initializer": {"module": "keras.initializers", "class_name": "LecunNormal", "config": {"seed": null, "input_axes": null}, "registered_name": null}},
   "name": "enc", "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"shape": [null, 5, 3], "dtype": "float32", "keras_history": ["x", 0, 0]}}], "kwargs": {"mask": null}}]},
  {"module": "keras.layers", "class_name": "LSTM", "config": {"name": "dec", "units": 2, "recurrent_activation": "sigmoid"}, "name": "dec",
   "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}],
     "kwargs": {"initial_state": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["enc", 0, 1]}}, {"class_name": "__keras_tensor__", "config": {"keras_history": ["enc", 0, 2]}}]}}]}],
  "input_layers": ["x", 0, 0], "output_layers": ["dec", 0, 0]}})";

TEST(Translate, SpellsKeras3AsTensorFlowJsLoadsIt) {
  const std::string text = translated(kKeras3, Generation::kKeras3, Spelling::kTfjs);
  EXPECT_TRUE(holds(text, R"("batch_input_shape": [null, 5, 3])")) << text;
  EXPECT_TRUE(holds(text, R"("inbound_nodes": [[["x", 0, 0, {}], ["enc", 0, 1, {}], ["enc", 0, 2, {}]]])")) << text;
  EXPECT_TRUE(holds(text, R"({"class_name": "LeCunNormal", "config": {"seed": null}})")) << text;
  EXPECT_TRUE(holds(text, R"("output_layers": [["dec", 0, 0]])")) << text;
  EXPECT_TRUE(holds(text, R"("dtype": "float32")")) << text;
  for (const char* word : {"module", "registered_name", "DTypePolicy", "__keras_tensor__", "batch_shape"})
    EXPECT_FALSE(holds(text, std::string("\"") + word)) << word;
}

TEST(Translate, GoesBackToKeras3) {
  const std::string text = translated(kKeras3, Generation::kKeras3, Spelling::kKeras3);
  EXPECT_TRUE(holds(text, R"("initial_state": [{"class_name": "__keras_tensor__")")) << text;
  EXPECT_TRUE(holds(text, R"("output_layers": ["dec", 0, 0])")) << text;
  EXPECT_TRUE(holds(text, R"("module": "keras.layers", "class_name": "LSTM")")) << text;
}

TEST(Translate, SpellsKeras1AsKeras2) {
  const std::string text = translated(R"({"class_name": "Sequential", "config": [
    {"class_name": "Convolution2D", "config": {"name": "c", "batch_input_shape": [null, 6, 6, 3], "input_dtype": "float32", "nb_filter": 4, "nb_row": 3, "nb_col": 2,
      "init": "normal", "border_mode": "same", "subsample": [2, 2], "dim_ordering": "tf", "W_regularizer": {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5}, "bias": false}},
    {"class_name": "Dropout", "config": {"name": "d", "p": 0.5}}]})",
                                      Generation::kKeras1, Spelling::kKeras2);
  for (const char* part : {R"("class_name": "Conv2D")", R"("filters": 4)", R"("kernel_size": [3, 2])", R"("strides": [2, 2])", R"("padding": "same")",
                           R"("data_format": "channels_last")", R"("kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}})",
                           R"("use_bias": false)", R"("kernel_initializer": "random_normal")", R"("rate": 0.5)"})
    EXPECT_TRUE(holds(text, part)) << part << " in " << text;
}

TEST(Translate, RefusesWhatTensorFlowJsWouldComputeWrongly) {
  const auto to_tfjs = [](const std::string& shape, const std::string& layer) {
    return translated(behind_input(shape, layer), Generation::kKeras2, Spelling::kTfjs);
  };
  EXPECT_EQ(to_tfjs("[null, 4, 5, 5]",
                    R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "groups": 2, "data_format": "channels_first"}})"),
            "1 layer cannot be expressed in a TensorFlow.js layers model:\n    c (Conv2D): TensorFlow.js convolves without groups");
  EXPECT_TRUE(holds(to_tfjs("[null, 5, 4]", R"({"class_name": "GRU", "config": {"name": "g", "units": 2, "reset_after": true}})"),
                    "g (GRU): TensorFlow.js has no GRU with reset_after"));
  EXPECT_TRUE(holds(to_tfjs("[null, null, 5, 4]", R"({"class_name": "UpSampling2D", "config": {"name": "u", "size": [2, 2], "interpolation": "bilinear"}})"),
                    "places the points of a bilinear UpSampling2D otherwise"));
  // The equal is written where there is one.
  EXPECT_TRUE(holds(to_tfjs("[null, 4]", R"({"class_name": "ReLU", "config": {"name": "r", "max_value": null, "negative_slope": 0.25, "threshold": 0.0}})"),
                    R"("class_name": "LeakyReLU")"));
  EXPECT_TRUE(holds(to_tfjs("[null, 4]", R"({"class_name": "Flatten", "config": {"name": "f"}})"), R"("activation": "linear")"));
  EXPECT_TRUE(holds(to_tfjs("[null, 4]", R"({"class_name": "Activation", "config": {"name": "a", "activation": "silu"}})"), R"("activation": "swish")"));
}

TEST(Translate, HardSigmoidIsNotTheSameFunctionEverywhere) {
  const std::string model = behind_input("[null, 4]", R"({"class_name": "Activation", "config": {"name": "a", "activation": "hard_sigmoid"}})");
  EXPECT_TRUE(holds(translated(model, Generation::kKeras2, Spelling::kKeras3), "another function"));
  EXPECT_TRUE(holds(translated(model, Generation::kKeras3, Spelling::kTfjs), R"("activation": "relu6")"));
  const std::string inside =
      behind_input("[null, 5, 4]", R"({"class_name": "LSTM", "config": {"name": "l", "units": 2, "recurrent_activation": "hard_sigmoid"}})");
  EXPECT_TRUE(holds(translated(inside, Generation::kKeras3, Spelling::kTfjs), "another function"));
  EXPECT_TRUE(holds(translated(model, Generation::kKeras2, Spelling::kTfjs), R"("activation": "hard_sigmoid")"));
}

TEST(Translate, RewritesLayersThatTensorFlowJsLacks) {
  const auto rewritten = [](const std::string& shape, const std::string& layer) {
    return translated(behind_input(shape, layer), Generation::kKeras2, Spelling::kTfjs, true);
  };
  const std::string causal = rewritten(
      "[null, 5, 4]", R"({"class_name": "Conv1D", "config": {"name": "c", "filters": 2, "kernel_size": [3], "dilation_rate": [2], "padding": "causal"}})");
  EXPECT_TRUE(holds(causal, R"("padding": [[4, 0], [0, 0]])")) << causal;
  EXPECT_TRUE(holds(causal, R"("padding": "valid")")) << causal;
  const std::string pool = rewritten("[null, 3, 4, 5, 2]", R"({"class_name": "GlobalAveragePooling3D", "config": {"name": "p"}})");
  EXPECT_TRUE(holds(pool, R"("target_shape": [-1, 2])")) << pool;
  EXPECT_TRUE(holds(pool, R"("class_name": "GlobalAveragePooling1D", "config": {"name": "p"}})")) << pool;
  const std::string pad = rewritten("[null, 5, 4]", R"({"class_name": "ZeroPadding1D", "config": {"name": "p", "padding": [1, 2]}})");
  EXPECT_TRUE(holds(pad, R"("padding": [[1, 2], [0, 0]])")) << pad;
}

TEST(Translate, RewritesFormsThatTensorFlowJsIgnores) {
  const auto written = [](const std::string& shape, const std::string& layer) {
    return translated(behind_input(shape, layer), Generation::kKeras2, Spelling::kTfjs);
  };
  // A model of layers in a row stays one as long as they are in a row.
  const std::string grouped = written("[null, 5, 5, 4]", R"({"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": 3, "groups": 2}})");
  EXPECT_TRUE(holds(grouped, R"({"class_name": "Sequential")")) << grouped;
  EXPECT_FALSE(holds(grouped, "groups")) << grouped;
  const std::string elu = written("[null, 4]", R"({"class_name": "ELU", "config": {"name": "e", "alpha": 0.5}})");
  EXPECT_TRUE(holds(elu, R"({"class_name": "Model")")) << elu;
  EXPECT_TRUE(holds(elu, R"("output_layers": [["e", 0, 0]])")) << elu;
  // The layer that has the activation keeps its weights under another name; what comes out keeps the layer's.
  const std::string dense = written("[null, 4]", R"({"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": "hard_tanh"}})");
  EXPECT_TRUE(holds(dense, R"("name": "d_linear", "units": 2, "activation": "linear")")) << dense;
  EXPECT_TRUE(holds(dense, R"({"class_name": "Rescaling", "config": {"scale": 1.0, "offset": -1.0, "name": "d"})")) << dense;
  const std::string resized = written("[null, 4, 6, 3]", R"({"class_name": "Resizing", "config": {"name": "r", "height": 2, "width": 9}})");
  EXPECT_TRUE(holds(resized, R"("name": "r_columns", "trainable": false)")) << resized;
  // With output_padding 6 points of stride 2 become 12: of 14 one goes before and one after.
  const std::string larger = written("[null, 6, 6, 2]", R"({"class_name": "Conv2DTranspose", "config":
    {"name": "t", "filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1}})");
  EXPECT_TRUE(holds(larger, R"("cropping": [[0, 1], [0, 1]])")) << larger;
}

TEST(Translate, ConcatenatesAlongThePositiveAxis) {
  const std::string text = translated(R"({"class_name": "Model", "config": {"name": "m", "layers": [
    {"name": "x", "class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [null, 2, 3]}, "inbound_nodes": []},
    {"name": "c", "class_name": "Concatenate", "config": {"name": "c", "axis": -2}, "inbound_nodes": [[["x", 0, 0, {}], ["x", 0, 0, {}]]]}],
    "input_layers": [["x", 0, 0]], "output_layers": [["c", 0, 0]]}})",
                                      Generation::kKeras2, Spelling::kTfjs);
  EXPECT_TRUE(holds(text, R"("axis": 1)")) << text;
}

TEST(Translate, LayersOfNestedModelsGetNamesOfTheirOwn) {
  const auto inner = [](const std::string& name) {
    return R"({"name": ")" + name + R"(", "class_name": "Sequential", "config": {"name": ")" + name +
           R"(", "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 2, "batch_input_shape": [null, 3]}}]}, "inbound_nodes": [[["x", 0, 0, {}]]]})";
  };
  const std::string text =
      translated(R"({"class_name": "Model", "config": {"name": "m", "layers": [
    {"name": "x", "class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [null, 3]}, "inbound_nodes": []}, )" +
                     inner("one") + ", " + inner("two") + R"(], "input_layers": [["x", 0, 0]], "output_layers": [["one", 1, 0], ["two", 1, 0]]}})",
                 Generation::kKeras2, Spelling::kTfjs);
  EXPECT_TRUE(holds(text, R"("name": "d")")) << text;
  EXPECT_TRUE(holds(text, R"("name": "two_d")")) << text;
  EXPECT_TRUE(holds(text, R"("output_layers": [["one", 1, 0], ["two", 1, 0]])")) << text;
}

WeightSlot slot(std::vector<std::string> path, std::vector<std::string> classes, std::string name) {
  WeightSlot result;
  result.path = std::move(path);
  result.classes = std::move(classes);
  result.name = std::move(name);
  return result;
}

TEST(WeightNames, AreThoseOfEachLoader) {
  const std::vector<WeightSlot> slots = {slot({"dense"}, {"Dense"}, "kernel"),
                                         slot({"bi", "forward_l"}, {"Bidirectional", "LSTM"}, "bias"),
                                         slot({"outer", "inner", "bn"}, {"Functional", "Sequential", "BatchNormalization"}, "gamma"),
                                         slot({"td", "d"}, {"TimeDistributed", "Dense"}, "kernel"),
                                         slot({"r", "stack", "a"}, {"RNN", "StackedRNNCells", "LSTMCell"}, "kernel"),
                                         slot({"r", "stack", "b"}, {"RNN", "StackedRNNCells", "GRUCell"}, "kernel"),
                                         slot({"q", "cell"}, {"RNN", "LSTMCell"}, "kernel"),
                                         slot({"a/b"}, {"DepthwiseConv2D"}, "kernel")};
  EXPECT_EQ(tfjs_weight_names(slots).value(), (std::vector<std::string>{"dense/kernel", "bi/forward_l/bias", "bn/gamma", "td/kernel", "r/RNNCell_0/kernel",
                                                                        "r/RNNCell_1/kernel", "q/kernel", "a/b/depthwise_kernel"}));
  EXPECT_EQ(hdf5_weight_names(slots).value(),
            (std::vector<std::string>{"dense/kernel:0", "bi/forward_l/lstm_cell/bias:0", "bn/gamma:0", "td/kernel:0", "r/stack/a/kernel:0",
                                      "r/stack/b/kernel:0", "q/cell/kernel:0", "a/b/depthwise_kernel:0"}));
  const std::vector<WeightSlot> twins = {slot({"m", "one", "d"}, {"Functional", "Functional", "Dense"}, "kernel"),
                                         slot({"m", "two", "d"}, {"Functional", "Functional", "Dense"}, "kernel")};
  EXPECT_FALSE(tfjs_weight_names(twins));
  EXPECT_EQ(hdf5_weight_names(twins).value(), (std::vector<std::string>{"m/one/d/kernel:0", "m/two/d/kernel:0"}));
}

TEST(TrainingConfig, GoesBetweenKerasAndTensorFlowJs) {
  std::vector<std::string> notes;
  const JsonValue keras =
      json(R"({"optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-07, "amsgrad": false}},
    "loss": "mse", "metrics": ["mae", "recall"], "loss_weights": null})");
  const JsonValue tfjs = translate_training(keras, TrainingForm::kHdf5, TrainingForm::kTfjs, notes);
  EXPECT_EQ(
      write_json(tfjs).value(),
      R"({"loss": "mean_squared_error", "metrics": ["mae"], "optimizer_config": {"class_name": "Adam", "config": {"learningRate": 0.01, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-07}}})");
  EXPECT_EQ(notes, (std::vector<std::string>{"the metric recall was left out: TensorFlow.js does not find it by name"}));
  const JsonValue back = translate_training(tfjs, TrainingForm::kTfjs, TrainingForm::kHdf5, notes);
  EXPECT_EQ(write_json(*back.find("optimizer_config")).value(),
            R"({"class_name": "Adam", "config": {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-07}})");
  // TensorFlow.js refuses a model whose optimiser it does not know: better none.
  EXPECT_TRUE(
      translate_training(json(R"({"optimizer_config": {"class_name": "Nadam", "config": {}}, "loss": "mse"})"), TrainingForm::kHdf5, TrainingForm::kTfjs, notes)
          .is_null());
}

TEST(OptimizerState, IsArrangedAsEachFormatKeepsIt) {
  StoredModel stored;
  stored.training_form = TrainingForm::kTfjs;
  stored.training = json(R"({"optimizer_config": {"class_name": "Adam", "config": {"learningRate": 0.5}}, "loss": "mse"})");
  std::vector<Tensor> values = {Tensor::scalar(int32_t{7})};
  for (const float v : {1.0F, 2.0F, 3.0F, 4.0F}) values.push_back(Tensor::of<float>(DType::kFloat32, {1}, std::vector<float>{v}));
  for (const Tensor& value : values) stored.optimizer_weights.push_back({{}, "w", value.shape()});
  stored.read_optimizer = [values](size_t i) -> Result<Tensor> { return values[i]; };
  const std::vector<TrainedWeight> trained = {{"a/kernel:0", {1}}, {"b/kernel:0", {1}}};
  const auto keras = translate_optimizer(stored, trained, TrainingForm::kHdf5).value();
  std::string text;
  for (const NamedState& state : keras) text += state.name + "=" + std::to_string(static_cast<int>(state.value.as_double(0) * 10)) + " ";
  EXPECT_EQ(text, "iteration:0=70 current_learning_rate:0=5 m/a/kernel:0=10 v/a/kernel:0=30 m/b/kernel:0=20 v/b/kernel:0=40 ");
}

}  // namespace
}  // namespace isomer::layers
