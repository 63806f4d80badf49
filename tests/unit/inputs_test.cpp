// Inputs from files and images, cutting a model, the best classes of an output.
#include "isomer/inputs.h"

#include <gtest/gtest.h>
#include <png.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "ir/text.h"
#include "isomer/ports.h"
#include "isomer/run.h"
#include "isomer/sample.h"
#include "isomer/top.h"
#include "ops/registry.h"
#include "unit/temporary_directory.h"

namespace isomer {
namespace {

ir::Module parsed(const std::string& text) {
  ir::ParseOptions options;
  options.find_op = ops::find_op;
  auto module = ir::parse(text, options);
  EXPECT_TRUE(module) << (module ? "" : module.error().describe());
  return module ? std::move(*module) : ir::Module();
}

ir::Module two_inputs() {
  return parsed(R"(module {
  signature "serving_default" = @main
}
function @main {
  input "x" = %x "x:0"
  input "y" = %y "y:0"
  %x = Placeholder() {dtype = float32, shape = shape[?,2]} : float32[?,2]
  %y = Placeholder() {dtype = float32, shape = shape[?,2]} : float32[?,2]
  %sum = AddV2(%x, %y) : float32[?,2]
  %twice = AddV2(%sum, %sum) : float32[?,2]
  %z = Neg(%twice) : float32[?,2]
  output "z" = %z "z:0"
})");
}

class Inputs : public testing::Test {
 protected:
  std::string put(const std::string& name, const std::string& content) {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::string outcome(const ir::Module& module, const std::vector<std::string>& inputs) {
    InputRequest request;
    request.inputs = inputs;
    const auto given = read_inputs(module, request, {});
    if (!given) return given.error().message;
    std::string text;
    for (const NamedTensor& tensor : given->tensors) text += tensor.name + " " + ir::print_tensor(tensor.value) + ";";
    return text;
  }
  TemporaryDirectory folder_;
};

TEST_F(Inputs, KnowsNamesAndForms) {
  const ir::Module module = two_inputs();
  const std::string json = put("x.json", "[[1, 2]]"), raw = put("x.bin", std::string(16, '\0')), odd = put("odd.bin", "12345"), text = put("x.txt", "hello");
  EXPECT_EQ(outcome(module, {"x=" + json, "y:0=" + raw}), "x float32[1,2](1.0 2.0);y float32[2,2](0.0 0.0 0.0 0.0);");
  EXPECT_EQ(outcome(module, {"x=" + json, "x=" + json}), "the input 'x' is given twice");
  EXPECT_EQ(outcome(module, {json}), "the model has 2 inputs: say which");
  EXPECT_EQ(outcome(module, {"q=" + json}), "the model has no input 'q'");
  EXPECT_EQ(outcome(module, {"x=" + odd}), "the file has 5 bytes, which does not fit float32[?,2] (4 bytes for each element)");
  EXPECT_EQ(outcome(module, {"x=" + text}), "the file is none that an input can be read from");
  EXPECT_EQ(outcome(module, {"=" + json}), "'=" + json + "' is not NAME=FILE");
  EXPECT_EQ(outcome(module, {"random:-1"}), "'-1' is no seed");
}

TEST_F(Inputs, DrawsWhatIsNotGiven) {
  const ir::Module module = two_inputs();
  InputRequest request;
  request.inputs = {"x=" + put("x.json", "[[1, 2], [3, 4], [5, 6]]"), "random:7"};
  SampleRequest sample;
  sample.given = read_inputs(module, request, {}).value();
  const auto run = sample_run(module, sample, {});
  ASSERT_TRUE(run) << run.error().describe();
  EXPECT_EQ(run->inputs[1].value.shape(), (Shape{3, 2}));  // the batch that x has
  EXPECT_TRUE(sample_run(module, sample, {})->inputs[1].value.identical(run->inputs[1].value));
}

TEST_F(Inputs, CutsTheModel) {
  ir::Module module = two_inputs();
  ASSERT_TRUE(cut_at(module, {"sum"}, {}));
  EXPECT_EQ(list_inputs(module.find_function("main")->graph), "sum float32[?,2]");
  ASSERT_TRUE(choose_outputs(module, {"twice:0", "z"}, {}));
  const auto outputs = run_model(module, {{"sum", ir::parse_tensor("float32[1,2](1.0 2.0)").value()}}, {});
  ASSERT_TRUE(outputs) << outputs.error().describe();
  EXPECT_EQ((*outputs)[0].name, "twice:0");
  EXPECT_EQ(ir::print_tensor((*outputs)[0].value), "float32[1,2](2.0 4.0)");
  EXPECT_EQ(ir::print_tensor((*outputs)[1].value), "float32[1,2](-2.0 -4.0)");
  EXPECT_EQ(cut_at(module, {"nothing"}, {}).error().message, "the model has neither an input nor an output nor a node 'nothing'");
  EXPECT_EQ(choose_outputs(module, {"sum:1"}, {}).error().code, ErrorCode::kInvalidArgument);
}

std::string png_of(const std::vector<uint8_t>& pixels, uint32_t height, uint32_t width, uint32_t format) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.height = height;
  image.width = width;
  image.format = format;
  png_alloc_size_t size = 0;
  EXPECT_TRUE(png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr));
  std::string file(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr));
  file.resize(size);
  return file;
}

std::string image_text(const std::string& file, const TensorType& type, const ImageOptions& options = {}) {
  const auto tensor = image_input(Bytes::from_string(file), type, options, {});
  return tensor ? ir::print_tensor(*tensor) : tensor.error().message;
}

TEST(ImageInput, ScalesAndLaysOut) {
  const std::string file = png_of({0, 51, 255, 102, 0, 0}, 1, 2, PNG_FORMAT_RGB);  // two pixels
  const auto type = [](DType dtype, std::vector<int64_t> dims) { return TensorType{dtype, PartialShape(std::move(dims)), DType::kInvalid, {}}; };
  EXPECT_EQ(image_text(file, type(DType::kFloat32, {-1, -1, -1, 3})), "float32[1,1,2,3](0.0 0.2 1.0 0.4 0.0 0.0)");
  EXPECT_EQ(image_text(file, type(DType::kUint8, {1, 1, 2, 3})), "uint8[1,1,2,3](0 51 255 102 0 0)");
  EXPECT_EQ(image_text(file, type(DType::kFloat32, {-1, 3, 1, 2})), "float32[1,3,1,2](0.0 0.4 0.2 0.0 1.0 0.0)");
  EXPECT_EQ(image_text(file, type(DType::kInt32, {1, 2, 3})), "int32[1,2,3](0 51 255 102 0 0)");
  // Weights of the two pixels are 3/4 and 1/4 at the first quarter, and so on; the border is repeated.
  EXPECT_EQ(image_text(file, type(DType::kInt32, {1, 1, 4, 3})), "int32[1,1,4,3](0 51 255 26 38 191 77 13 64 102 0 0)");
  ImageOptions options;
  options.mean = {127.5};
  options.scale = {1 / 127.5};
  EXPECT_EQ(image_text(file, type(DType::kFloat32, {1, 1, 2, 3}), options), "float32[1,1,2,3](-1.0 -0.6 1.0 -0.2 -1.0 -1.0)");
  options.mean = {0, 1};
  EXPECT_EQ(image_text(file, type(DType::kFloat32, {1, 1, 2, 3}), options), "mean has 2 numbers, the image 3 channels");
  EXPECT_EQ(image_text(file, type(DType::kFloat32, {5})), "an image does not suit an input of type float32[5]");
}

TEST(ImageInput, RefusesWhatIsNoImage) {
  const TensorType type{DType::kFloat32, PartialShape({-1, -1, -1, 3}), DType::kInvalid, {}};
  const std::string file = png_of({1, 2, 3}, 1, 1, PNG_FORMAT_RGB);
  EXPECT_EQ(image_text("hello", type), "neither a PNG nor a JPEG image");
  for (size_t size = 9; size < file.size() - 12; ++size)
    EXPECT_NE(image_text(file.substr(0, size), type).find("PNG image is damaged"), std::string::npos) << size;
  // A header that claims 60000 x 60000 pixels.
  std::string huge = file;
  huge[16] = huge[20] = 0;
  huge[17] = huge[21] = 0;
  huge[18] = huge[22] = '\xea';
  huge[19] = huge[23] = '\x60';
  EXPECT_FALSE(image_input(Bytes::from_string(huge), type, {}, {}));
}

TEST(TopClasses, RanksEachRow) {
  const auto rows = top_classes(ir::parse_tensor("float32[2,3](0.1 0.7 0.2 nan 1.0 1.0)").value(), 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0][0].index, 1);
  EXPECT_EQ(rows[0][1].index, 2);
  EXPECT_EQ(rows[1][0].index, 1);
  EXPECT_EQ(rows[1][1].index, 2);
  EXPECT_TRUE(top_classes(Tensor::scalar(1.0f), 5).empty());
}

}  // namespace
}  // namespace isomer
