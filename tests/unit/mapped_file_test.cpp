#include "base/mapped_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "temporary_directory.h"

namespace isomer {
namespace {

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  const TemporaryDirectory directory;
  const std::string content(300'000, 'x');
  write_text(directory / "file", content);
  const auto bytes = map_file(directory / "file");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->text(), content);
  bytes->release_pages();
  EXPECT_EQ(bytes->text(), content);
}

TEST(MappedFile, SliceOutlivesTheMapping) {
  const TemporaryDirectory directory;
  write_text(directory / "file", "0123456789");
  Bytes part;
  {
    const auto bytes = map_file(directory / "file");
    ASSERT_TRUE(bytes);
    part = bytes->slice(3, 4);
  }
  EXPECT_EQ(part.text(), "3456");
}

TEST(MappedFile, EmptyFileIsEmpty) {
  const TemporaryDirectory directory;
  write_text(directory / "file", "");
  const auto bytes = map_file(directory / "file");
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(bytes->empty());
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const TemporaryDirectory directory;
  const auto missing = map_file(directory / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);

  const auto folder = map_file(directory.path());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(folder.error().message, "expected a file, found a directory");

  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  const auto pipe = map_file(directory / "pipe");  // must not wait for a writer
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().message, "expected a file, found a pipe");
  EXPECT_FALSE(pipe.error().hint.empty());

  const auto device = map_file("/dev/zero");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().message, "expected a file, found a device");
}

TEST(ReadSmallFile, ObeysItsLimit) {
  const TemporaryDirectory directory;
  write_text(directory / "file", std::string(20'000, 'y'));
  EXPECT_EQ(read_small_file(directory / "file", 20'000).value().size(), 20'000U);
  const auto refused = read_small_file(directory / "file", 19'999);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
}

TEST(ListDirectory, IsSorted) {
  const TemporaryDirectory directory;
  for (const char* name : {"b", "a", ".hidden", "B"}) write_text(directory / name, "");
  EXPECT_EQ(list_directory(directory.path()).value(), (std::vector<std::string>{".hidden", "B", "a", "b"}));
  EXPECT_FALSE(list_directory(directory / "missing"));
}

TEST(PlainRelativePath, HasNoWayOut) {
  EXPECT_TRUE(is_plain_relative_path("model.json"));
  EXPECT_TRUE(is_plain_relative_path("variables/variables.index"));
  for (const std::string_view path : {"", "/", "/etc", "a/../b", "..", ".", "a//b", "a/", "./a"}) EXPECT_FALSE(is_plain_relative_path(path)) << path;
  EXPECT_FALSE(is_plain_relative_path(std::string_view("a\0b", 3)));
}

TEST(PathIsInside, FollowsNamesAndLinks) {
  const TemporaryDirectory directory;
  write_text(directory / "model/weights/a.bin", "");
  write_text(directory / "secret", "");
  ASSERT_EQ(symlink("../secret", (directory / "model/out").c_str()), 0);
  ASSERT_EQ(symlink("weights/a.bin", (directory / "model/in").c_str()), 0);
  ASSERT_EQ(symlink("..", (directory / "model/up").c_str()), 0);
  const std::string root = directory / "model";
  EXPECT_TRUE(path_is_inside(root, "weights/a.bin"));
  EXPECT_TRUE(path_is_inside(root, "./weights/../weights/a.bin"));
  EXPECT_TRUE(path_is_inside(root, "not-there.bin"));
  EXPECT_TRUE(path_is_inside(root, "in"));
  EXPECT_FALSE(path_is_inside(root, ""));
  EXPECT_FALSE(path_is_inside(root, "../secret"));
  EXPECT_FALSE(path_is_inside(root, "weights/../../secret"));
  EXPECT_FALSE(path_is_inside(root, directory / "model/weights/a.bin"));
  EXPECT_FALSE(path_is_inside(root, "out"));
  EXPECT_FALSE(path_is_inside(root, "up/secret"));
  EXPECT_FALSE(path_is_inside(directory / "mod", "../model/in"));
  EXPECT_EQ(resolve_inside(root, "in").value(), root + "/in");
  EXPECT_EQ(resolve_inside(root, "out").error().code, ErrorCode::kInvalidModel);
}

}  // namespace
}  // namespace isomer
