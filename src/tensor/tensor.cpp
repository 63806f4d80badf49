#include "tensor/tensor.h"

#include <algorithm>
#include <cstdlib>

#include "base/checked.h"
#include "tensor/half.h"

namespace isomer {
namespace {

class HeapAllocator final : public TensorAllocator {
 public:
  Result<Block> allocate(int64_t bytes) override {
    void* memory = std::calloc(static_cast<size_t>(std::max<int64_t>(bytes, 1)), 1);
    if (!memory) return fail(ErrorCode::kLimitExceeded, "no memory for " + std::to_string(bytes) + " bytes");
    return Block{std::shared_ptr<void>(memory, std::free), static_cast<std::byte*>(memory), false};
  }
};

class BlockSink final : public TensorAllocator::Sink {
 public:
  BlockSink(TensorAllocator::Block block, int64_t size) : block_(std::move(block)), size_(size) {}
  Result<void> write(int64_t offset, std::span<const std::byte> data) override {
    if (static_cast<int64_t>(data.size()) > size_ - offset) return fail(ErrorCode::kInternal, "bytes were written beyond the end of a tensor");
    if (!data.empty()) std::memcpy(block_.data + offset, data.data(), data.size());
    return {};
  }
  Result<Bytes> finish() override { return Bytes(std::move(block_.owner), block_.data, size_, block_.mapped); }

 private:
  TensorAllocator::Block block_;
  int64_t size_;
};

// Bytes of a tensor that is about to be made.
Result<int64_t> bytes_within(DType dtype, const Shape& shape, const Limits& limits) {
  const auto count = element_count(shape);
  const int64_t size = element_size(dtype);
  if (size == 0) return fail(ErrorCode::kUnsupported, "cannot allocate elements of dtype " + std::string(to_string(dtype)));
  const auto bytes = count ? checked_mul(*count, size) : std::nullopt;
  if (!bytes || *count > limits.tensor_elements || *bytes > limits.tensor_bytes) {
    return fail(ErrorCode::kLimitExceeded, "a tensor of type " + std::string(to_string(dtype)) + to_string(shape) + " exceeds the limit of " +
                                               std::to_string(limits.tensor_elements) + " elements or " + std::to_string(limits.tensor_bytes) + " bytes");
  }
  return *bytes;
}

// `out` has room for the elements of a float dtype.
void narrow(DType dtype, std::span<const double> in, std::byte* out) {
  const auto each = [&]<class T>(T* to, auto convert) {
    for (size_t i = 0; i < in.size(); ++i) to[i] = convert(in[i]);
  };
  switch (dtype) {
    case DType::kFloat32: return each(reinterpret_cast<float*>(out), [](double v) { return static_cast<float>(v); });
    case DType::kFloat64: return each(reinterpret_cast<double*>(out), [](double v) { return v; });
    case DType::kHalf: return each(reinterpret_cast<uint16_t*>(out), double_to_half);
    case DType::kBfloat16: return each(reinterpret_cast<uint16_t*>(out), double_to_bfloat16);
    default: return;
  }
}

// Calls f with a value of the C++ type that stores `dtype`'s elements.
template <class F>
void with_storage(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    case DType::kInt8: return f(int8_t{});
    case DType::kInt16: return f(int16_t{});
    case DType::kInt32: return f(int32_t{});
    case DType::kInt64: return f(int64_t{});
    case DType::kUint8:
    case DType::kBool: return f(uint8_t{});
    case DType::kUint16: return f(uint16_t{});
    case DType::kUint32: return f(uint32_t{});
    case DType::kUint64: return f(uint64_t{});
    default: return;
  }
}

template <class To>
void load(const Tensor& tensor, int64_t first, std::span<To> out) {
  const auto count = static_cast<int64_t>(out.size());
  if (tensor.dtype() == DType::kHalf || tensor.dtype() == DType::kBfloat16) {
    const bool half = tensor.dtype() == DType::kHalf;
    for (int64_t i = 0; i < count; ++i) {
      const auto bits = tensor.at<uint16_t>(first + i);
      out[static_cast<size_t>(i)] = static_cast<To>(half ? half_to_double(bits) : bfloat16_to_double(bits));
    }
    return;
  }
  // By plain pointers, so that the compiler sees what it can do several of at a time.
  with_storage(tensor.dtype(), [&]<class S>(S) {
    const std::byte* const from = tensor.bytes().data() + first * static_cast<int64_t>(sizeof(S));
    To* const to = out.data();
    for (int64_t i = 0; i < count; ++i) {
      S value;
      std::memcpy(&value, from + i * static_cast<int64_t>(sizeof(S)), sizeof(S));
      to[i] = static_cast<To>(value);
    }
  });
}

}  // namespace

TensorAllocator& heap_allocator() {
  static HeapAllocator allocator;
  return allocator;
}

Result<std::unique_ptr<TensorAllocator::Sink>> TensorAllocator::sink(int64_t bytes) { return std::make_unique<BlockSink>(TRY(allocate(bytes)), bytes); }

Result<Tensor> Tensor::create(DType dtype, Shape shape, Bytes data) {
  const auto count = element_count(shape);
  if (!count) return fail(ErrorCode::kInvalidModel, "shape " + to_string(shape) + " has more elements than fit 64 bits");
  if (dtype == DType::kString) {
    const auto table = checked_mul(*count + 1, 8);
    if (!table || data.size() < *table) {
      return fail(ErrorCode::kTruncated, "a string tensor of shape " + to_string(shape) + " needs more than " + std::to_string(data.size()) + " bytes");
    }
    Tensor tensor(dtype, std::move(shape), data);
    int64_t previous = 0;
    for (int64_t i = 0; i <= *count; ++i) {
      const auto offset = tensor.at<int64_t>(i);
      if (offset < previous || offset > data.size() - *table) return fail(ErrorCode::kMalformed, "string offsets are out of order");
      previous = offset;
    }
    return tensor;
  }
  const int64_t size = element_size(dtype);
  if (size == 0) return fail(ErrorCode::kUnsupported, "a tensor of dtype " + std::string(to_string(dtype)) + " cannot hold elements");
  const auto bytes = checked_mul(*count, size);
  if (!bytes || data.size() != *bytes) {
    return fail(ErrorCode::kInvalidModel, std::string(to_string(dtype)) + to_string(shape) + " needs " + (bytes ? std::to_string(*bytes) : "more than 2^63") +
                                              " bytes, found " + std::to_string(data.size()));
  }
  return Tensor(dtype, std::move(shape), std::move(data));
}

Tensor Tensor::from_strings(Shape shape, std::span<const std::string> values) {
  std::string buffer((values.size() + 1) * 8, '\0');
  int64_t offset = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    offset += static_cast<int64_t>(values[i].size());
    std::memcpy(buffer.data() + (i + 1) * 8, &offset, 8);
  }
  for (const std::string& value : values) buffer += value;
  return Tensor(DType::kString, std::move(shape), Bytes::from_string(std::move(buffer)));
}

Tensor Tensor::scalar(float value) { return of<float>(DType::kFloat32, {}, {&value, 1}); }
Tensor Tensor::scalar(int32_t value) { return of<int32_t>(DType::kInt32, {}, {&value, 1}); }
Tensor Tensor::scalar(int64_t value) { return of<int64_t>(DType::kInt64, {}, {&value, 1}); }
Tensor Tensor::scalar(bool value) {
  const uint8_t byte = value ? 1 : 0;
  return of<uint8_t>(DType::kBool, {}, {&byte, 1});
}
Tensor Tensor::int32s(std::span<const int64_t> values) {
  std::vector<int32_t> narrow(values.begin(), values.end());
  return of<int32_t>(DType::kInt32, {static_cast<int64_t>(values.size())}, narrow);
}
Tensor Tensor::int64s(std::span<const int64_t> values) { return of<int64_t>(DType::kInt64, {static_cast<int64_t>(values.size())}, values); }

std::string_view Tensor::string_at(int64_t index) const {
  const auto begin = at<int64_t>(index), end = at<int64_t>(index + 1);
  const int64_t table = (elements() + 1) * 8;
  return data_.text().substr(static_cast<size_t>(table + begin), static_cast<size_t>(end - begin));
}

double Tensor::as_double(int64_t index) const {
  double value = 0;
  load_doubles(*this, index, {&value, 1});
  return value;
}

int64_t Tensor::as_int64(int64_t index) const {
  int64_t value = 0;
  load_int64s(*this, index, {&value, 1});
  return value;
}

std::vector<int64_t> Tensor::to_int64s() const {
  std::vector<int64_t> values(static_cast<size_t>(elements()));
  load_int64s(*this, 0, values);
  return values;
}

bool Tensor::identical(const Tensor& other) const {
  return dtype_ == other.dtype_ && shape_ == other.shape_ && data_.size() == other.data_.size() &&
         (data_.data() == other.data_.data() || data_.size() == 0 || std::memcmp(data_.data(), other.data_.data(), static_cast<size_t>(data_.size())) == 0);
}

Result<MutableTensor> MutableTensor::create(DType dtype, Shape shape, const Limits& limits, TensorAllocator& allocator) {
  const int64_t bytes = TRY(bytes_within(dtype, shape, limits));
  MutableTensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.size_ = bytes;
  tensor.block_ = TRY(allocator.allocate(bytes));
  return tensor;
}

Tensor MutableTensor::finish() && {
  const std::byte* data = block_.data;
  return Tensor(dtype_, std::move(shape_), Bytes(std::move(block_.owner), data, size_, block_.mapped));
}

Result<TensorWriter> TensorWriter::create(DType dtype, Shape shape, const Limits& limits, TensorAllocator& allocator) {
  TensorWriter writer;
  writer.sink_ = TRY(allocator.sink(TRY(bytes_within(dtype, shape, limits))));
  writer.dtype_ = dtype;
  writer.shape_ = std::move(shape);
  return writer;
}

Result<void> TensorWriter::write(int64_t first, std::span<const double> elements) {
  const int64_t size = element_size(dtype_);
  const size_t bytes = elements.size() * static_cast<size_t>(size);
  const auto narrowed = std::make_unique_for_overwrite<std::byte[]>(bytes);
  narrow(dtype_, elements, narrowed.get());
  return sink_->write(first * size, {narrowed.get(), bytes});
}

Result<Tensor> TensorWriter::finish() && { return Tensor::create(dtype_, std::move(shape_), TRY(sink_->finish())); }

void load_doubles(const Tensor& tensor, int64_t first, std::span<double> out) { load(tensor, first, out); }

void load_int64s(const Tensor& tensor, int64_t first, std::span<int64_t> out) {
  if (is_float(tensor.dtype())) {
    // Out-of-range floats have no int64; clamp so that the conversion is defined.
    std::vector<double> values(out.size());
    load_doubles(tensor, first, values);
    for (size_t i = 0; i < out.size(); ++i) {
      const double v = values[i];
      out[i] = v != v ? 0 : v >= 9.2e18 ? INT64_MAX : v <= -9.2e18 ? INT64_MIN : static_cast<int64_t>(v);
    }
    return;
  }
  load(tensor, first, out);
}

void load_complex(const Tensor& tensor, int64_t first, std::span<std::complex<double>> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t at = 2 * (first + static_cast<int64_t>(i));
    if (tensor.dtype() == DType::kComplex64) {
      out[i] = {tensor.at<float>(at), tensor.at<float>(at + 1)};
    } else if (tensor.dtype() == DType::kComplex128) {
      out[i] = {tensor.at<double>(at), tensor.at<double>(at + 1)};
    } else {
      out[i] = tensor.as_double(at / 2);
    }
  }
}

void store_doubles(MutableTensor& tensor, int64_t first, std::span<const double> in) {
  narrow(tensor.dtype(), in, tensor.data() + first * element_size(tensor.dtype()));
}

void store_int64s(MutableTensor& tensor, int64_t first, std::span<const int64_t> in) {
  with_storage(tensor.dtype(), [&]<class S>(S) {
    for (size_t i = 0; i < in.size(); ++i) tensor.as<S>()[first + static_cast<int64_t>(i)] = static_cast<S>(in[i]);
  });
}

void store_complex(MutableTensor& tensor, int64_t first, std::span<const std::complex<double>> in) {
  for (size_t i = 0; i < in.size(); ++i) {
    const int64_t at = 2 * (first + static_cast<int64_t>(i));
    if (tensor.dtype() == DType::kComplex64) {
      tensor.as<float>()[at] = static_cast<float>(in[i].real());
      tensor.as<float>()[at + 1] = static_cast<float>(in[i].imag());
    } else {
      tensor.as<double>()[at] = in[i].real();
      tensor.as<double>()[at + 1] = in[i].imag();
    }
  }
}

std::string type_text(const Tensor& tensor) { return std::string(to_string(tensor.dtype())) + to_string(tensor.shape()); }

std::string to_string(const TensorType& type) {
  std::string text(to_string(type.dtype));
  if (type.element_dtype != DType::kInvalid) text += "<" + std::string(to_string(type.element_dtype)) + to_string(type.element_shape) + ">";
  return text + to_string(type.shape);
}

}  // namespace isomer
