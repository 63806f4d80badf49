// Tensor: a dtype, a fully known shape and the elements.
//
// A Tensor is a value: immutable, cheap to copy (the bytes are shared). Elements lie in C order, little endian, unaligned in general when they
// are slices of a mapped file. Strings are stored as n+1 int64 offsets followed by the bytes: element i is [offset[i], offset[i+1]) counted from
// the end of the offset table. Complex numbers are interleaved (real, imaginary). A bool is one byte, 0 or 1.
#pragma once

#include <complex>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace isomer {

class Tensor {
 public:
  Tensor() = default;  // dtype kInvalid: no tensor

  // Checks that `data` has exactly the bytes that dtype and shape need.
  static Result<Tensor> create(DType dtype, Shape shape, Bytes data);
  static Tensor from_strings(Shape shape, std::span<const std::string> values);
  // From numbers of the matching C++ type; values.size() must be the shape's element count.
  template <class T>
  static Tensor of(DType dtype, Shape shape, std::span<const T> values) {
    return Tensor(dtype, std::move(shape), Bytes::copy_of(std::as_bytes(values)));
  }
  static Tensor scalar(float value);
  static Tensor scalar(int32_t value);
  static Tensor scalar(int64_t value);
  static Tensor scalar(bool value);
  static Tensor int32s(std::span<const int64_t> values);  // a vector (values are truncated to 32 bits by the caller's promise)
  static Tensor int64s(std::span<const int64_t> values);

  bool valid() const { return dtype_ != DType::kInvalid; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t elements() const { return element_count_of(shape_); }
  const Bytes& bytes() const { return data_; }
  int64_t byte_size() const { return data_.size(); }

  // Element `index` of a numeric tensor. T must have the dtype's C++ type (uint16_t for half and bfloat16, uint8_t for bool).
  template <class T>
  T at(int64_t index) const {
    T value;
    std::memcpy(&value, data_.data() + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return value;
  }
  std::string_view string_at(int64_t index) const;

  // Any numeric or bool element, converted. Slow; for small tensors (axes, shapes, scalars).
  double as_double(int64_t index) const;
  int64_t as_int64(int64_t index) const;
  std::vector<int64_t> to_int64s() const;

  // The same elements under another shape of equally many elements.
  Tensor reshaped(Shape shape) const { return Tensor(dtype_, std::move(shape), data_); }

  // Same dtype, shape and element bytes (so NaN equals NaN of the same bits).
  bool identical(const Tensor& other) const;

 private:
  friend class MutableTensor;
  Tensor(DType dtype, Shape shape, Bytes data) : dtype_(dtype), shape_(std::move(shape)), data_(std::move(data)) {}

  DType dtype_ = DType::kInvalid;
  Shape shape_;
  Bytes data_;
};

// Where computed tensors get their memory. The default takes it from the heap; a SpillArena (tensor/spill.h) keeps large ones in a file.
class TensorAllocator {
 public:
  virtual ~TensorAllocator() = default;
  struct Block {
    std::shared_ptr<void> owner;
    std::byte* data = nullptr;
    bool mapped = false;
  };
  virtual Result<Block> allocate(int64_t bytes) = 0;

  // Memory that is only written to before it is a tensor's.
  class Sink {
   public:
    virtual ~Sink() = default;
    // Within the size that was asked for. May be called from several threads.
    virtual Result<void> write(int64_t offset, std::span<const std::byte> data) = 0;
    virtual Result<Bytes> finish() = 0;
  };
  // The default fills a block of allocate().
  virtual Result<std::unique_ptr<Sink>> sink(int64_t bytes);
};
TensorAllocator& heap_allocator();

// A numeric tensor being computed: zero-filled, written once, then turned into a Tensor.
class MutableTensor {
 public:
  // LimitExceeded when the shape's elements or bytes pass the limits; string and other size-less dtypes are refused.
  static Result<MutableTensor> create(DType dtype, Shape shape, const Limits& limits, TensorAllocator& allocator = heap_allocator());
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t elements() const { return element_count_of(shape_); }
  std::byte* data() { return block_.data; }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(block_.data);
  }
  Tensor finish() &&;

 private:
  DType dtype_ = DType::kInvalid;
  Shape shape_;
  TensorAllocator::Block block_;
  int64_t size_ = 0;
};

// A tensor of floats being computed in blocks of its elements: cheaper than a MutableTensor where the allocator keeps tensors in a file.
class TensorWriter {
 public:
  // Errors as of MutableTensor::create.
  static Result<TensorWriter> create(DType dtype, Shape shape, const Limits& limits, TensorAllocator& allocator = heap_allocator());
  // Elements from `first` on, rounded as store_doubles does; the caller keeps to the shape. May be called from several threads.
  Result<void> write(int64_t first, std::span<const double> elements);
  // The caller has written all elements.
  Result<Tensor> finish() &&;

 private:
  DType dtype_ = DType::kInvalid;
  Shape shape_;
  std::unique_ptr<TensorAllocator::Sink> sink_;
};

// Bulk conversion between a dtype and the widest type of its class, for kernels that work in blocks. `first` counts elements.
// Floats of all widths as double (half and bfloat16 rounded to nearest even on store), integers as int64 (uint64 by its bits; stores wrap),
// bools as 0 or 1.
void load_doubles(const Tensor& tensor, int64_t first, std::span<double> out);
void load_int64s(const Tensor& tensor, int64_t first, std::span<int64_t> out);
void load_complex(const Tensor& tensor, int64_t first, std::span<std::complex<double>> out);
void store_doubles(MutableTensor& tensor, int64_t first, std::span<const double> in);
void store_int64s(MutableTensor& tensor, int64_t first, std::span<const int64_t> in);
void store_complex(MutableTensor& tensor, int64_t first, std::span<const std::complex<double>> in);

// "float32[2,3]"
std::string type_text(const Tensor& tensor);

// A value's type: dtype, shape as far as known and, for resources and variants, what they hold.
struct TensorType {
  DType dtype = DType::kInvalid;
  PartialShape shape;
  // Resource (variable, table) and variant (tensor list) types: dtype and shape of the elements. For tables: value dtype.
  DType element_dtype = DType::kInvalid;
  PartialShape element_shape;

  bool operator==(const TensorType&) const = default;
};
std::string to_string(const TensorType& type);  // "float32[?,10]", "variant<float32[?,4]>[]"

}  // namespace isomer
