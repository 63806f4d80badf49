#include "base/atomic_output.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mapped_file.h"
#include "temporary_directory.h"

namespace isomer {
namespace {

using Files = std::map<std::string, std::string>;

bool is_model_file(std::string_view name) { return name == "model.json" || name.ends_with(".bin") || name == "variables"; }

Result<void> write_model(const std::string& target, const Files& files) {
  AtomicDirectory output = TRY(AtomicDirectory::create(target, is_model_file));
  for (const auto& [name, content] : files) TRY(output.write_file(name, content));
  return output.commit();
}

std::vector<std::string> names_in(const std::string& directory) { return list_directory(directory).value(); }

TEST(AtomicDirectory, AppearsAtCommit) {
  const TemporaryDirectory directory;
  auto output = AtomicDirectory::create(directory / "a/b/out", is_model_file);
  ASSERT_TRUE(output);
  ASSERT_TRUE(output->write_file("model.json", "{}"));
  ASSERT_TRUE(output->write_file("variables/variables.index", "index"));
  EXPECT_FALSE(std::filesystem::exists(directory / "a/b/out"));
  ASSERT_TRUE(output->commit());
  EXPECT_EQ(tree(directory.path()), (Files{{"a/b/out/model.json", "{}"}, {"a/b/out/variables/variables.index", "index"}}));
}

TEST(AtomicDirectory, LeavesNothingWithoutCommit) {
  const TemporaryDirectory directory;
  {
    auto output = AtomicDirectory::create(directory / "a/b/out", is_model_file);
    ASSERT_TRUE(output);
    ASSERT_TRUE(output->write_file("model.json", "{}"));
  }
  EXPECT_TRUE(names_in(directory.path()).empty());
}

TEST(AtomicDirectory, ReplacesTheModelAndKeepsOtherFiles) {
  const TemporaryDirectory directory;
  const std::string target = directory / "out";
  write_text(target + "/model.json", "old");
  write_text(target + "/group1-shard1of2.bin", "old");
  write_text(target + "/variables/variables.index", "old");
  write_text(target + "/README", "mine");
  write_text(target + "/.git/config", "mine");
  ASSERT_EQ(symlink("README", (target + "/link").c_str()), 0);
  ASSERT_EQ(chmod((target + "/.git").c_str(), 0750), 0);
  ASSERT_EQ(chmod(target.c_str(), 0705), 0);
  ASSERT_TRUE(write_model(target, {{"model.json", "new"}, {"group1-shard1of1.bin", "new"}}));
  EXPECT_EQ(tree(target), (Files{{"model.json", "new"}, {"group1-shard1of1.bin", "new"}, {"README", "mine"}, {".git/config", "mine"}, {"link", "mine"}}));
  EXPECT_TRUE(std::filesystem::is_symlink(target + "/link"));
  EXPECT_EQ(names_in(directory.path()), (std::vector<std::string>{"out"}));
  struct stat status;
  ASSERT_EQ(stat(target.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0705U);
  ASSERT_EQ(stat((target + "/.git").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
}

TEST(AtomicDirectory, FollowsALinkToItsTarget) {
  const TemporaryDirectory directory;
  write_text(directory / "real/model.json", "old");
  ASSERT_EQ(symlink("real", (directory / "link").c_str()), 0);
  ASSERT_TRUE(write_model(directory / "link/", {{"model.json", "new"}}));
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
  EXPECT_EQ(read_text(directory / "real/model.json"), "new");
}

TEST(AtomicDirectory, RefusesImpossibleTargets) {
  const TemporaryDirectory directory;
  write_text(directory / "file", "");
  for (const std::string& target : {directory / "file", std::string("."), std::string("/"), std::string(), std::filesystem::current_path().string()}) {
    const auto output = AtomicDirectory::create(target, is_model_file);
    ASSERT_FALSE(output) << target;
    EXPECT_EQ(output.error().code, ErrorCode::kInvalidArgument) << target;
  }
}

TEST(AtomicDirectory, RefusesNamesThatLeadOut) {
  const TemporaryDirectory directory;
  auto output = AtomicDirectory::create(directory / "out", is_model_file);
  ASSERT_TRUE(output);
  for (const char* name : {"../x", "/x", "a/../x", "", "a/"}) EXPECT_FALSE(output->create_file(name)) << name;
  ASSERT_TRUE(output->write_file("x", ""));
  EXPECT_FALSE(output->create_file("x")) << "the name is taken";
}

TEST(AtomicDirectory, RemovesThePartialOfADeadRunButNotOfALiveOne) {
  const TemporaryDirectory directory;
  write_text(directory / ".out.isomer-partial/left/over", "x");
  auto first = AtomicDirectory::create(directory / "out", is_model_file);
  ASSERT_TRUE(first);
  EXPECT_TRUE(names_in(first->partial_path()).empty());
  ASSERT_TRUE(first->write_file("model.json", "first"));
  const auto second = AtomicDirectory::create(directory / "out", is_model_file);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kIo);
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(tree(directory.path()), (Files{{"out/model.json", "first"}}));
  EXPECT_TRUE(AtomicDirectory::create(directory / "out", is_model_file)) << "a committed run holds no lock";
}

TEST(AtomicDirectory, PutsBackWhatARunWithoutExchangeLeft) {
  const TemporaryDirectory directory;
  write_text(directory / ".out.isomer-previous/model.json", "old");
  ASSERT_TRUE(AtomicDirectory::create(directory / "out", is_model_file));
  EXPECT_EQ(tree(directory.path()), (Files{{"out/model.json", "old"}}));
}

TEST(AtomicDirectory, RefusesToCommitAnOpenFile) {
  const TemporaryDirectory directory;
  auto output = AtomicDirectory::create(directory / "out", is_model_file);
  ASSERT_TRUE(output);
  {
    auto file = output->create_file("model.json");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->append(std::string_view("{}")));
  }
  EXPECT_EQ(output->commit().error().code, ErrorCode::kInternal);
}

TEST(OutputFile, WritesPiecesOfAllSizesInOrder) {
  const TemporaryDirectory directory;
  std::string big(9'000'000, '\0');
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7 + (i >> 12));
  write_text(directory / "source", big);
  const Bytes mapped = map_file(directory / "source").value();
  std::string expected;
  {
    auto output = AtomicDirectory::create(directory / "out", is_model_file);
    auto file = output->create_file("file");
    ASSERT_TRUE(file);
    for (int i = 0; i < 3000; ++i) {
      const std::string piece = std::to_string(i) + std::string(static_cast<size_t>(i), 'p');
      expected += piece;
      ASSERT_TRUE(file->append(std::string_view(piece)));
    }
    for (int64_t size : {int64_t{1}, int64_t{65535}, int64_t{65536}, int64_t{8'999'999}}) {
      expected += big.substr(1, static_cast<size_t>(size));
      ASSERT_TRUE(file->append(mapped.slice(1, size)));
    }
    EXPECT_EQ(file->size(), static_cast<int64_t>(expected.size()));
    ASSERT_TRUE(file->close());
    EXPECT_FALSE(file->append(std::string_view("x")));
    ASSERT_TRUE(output->commit());
  }
  EXPECT_TRUE(read_text(directory / "out/file") == expected);
}

TEST(OutputFile, ReportsAFileThatCannotGrow) {
  const TemporaryDirectory directory;
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 100'000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto result = write_model(directory / "out", {{"weights.bin", std::string(300'000, 'x')}});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kIo);
  EXPECT_NE(result.error().message.find("weights.bin"), std::string::npos);
  EXPECT_TRUE(names_in(directory.path()).empty());
}

TEST(AtomicFile, ReplacesAFile) {
  const TemporaryDirectory directory;
  write_text(directory / "model.h5", "old");
  ASSERT_EQ(chmod((directory / "model.h5").c_str(), 0604), 0);
  {
    auto dropped = AtomicFile::create(directory / "model.h5");
    ASSERT_TRUE(dropped);
    ASSERT_TRUE(dropped->file().append(std::string_view("lost")));
    EXPECT_FALSE(AtomicFile::create(directory / "model.h5")) << "another run is writing it";
  }
  EXPECT_EQ(tree(directory.path()), (Files{{"model.h5", "old"}}));
  write_text(directory / ".model.h5.isomer-partial", "left by a dead run");
  auto output = AtomicFile::create(directory / "model.h5");
  ASSERT_TRUE(output);
  ASSERT_TRUE(output->file().append(std::string_view("new")));
  ASSERT_TRUE(output->commit());
  EXPECT_EQ(tree(directory.path()), (Files{{"model.h5", "new"}}));
  struct stat status;
  ASSERT_EQ(stat((directory / "model.h5").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0604U);
}

TEST(AtomicFile, RefusesDirectoriesAndDevices) {
  const TemporaryDirectory directory;
  for (const std::string& target : {directory.path(), std::string("/dev/null")}) {
    const auto output = AtomicFile::create(target);
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, ErrorCode::kInvalidArgument);
  }
}

// Runs `work` in a child process and kills the child at its `stops`-th entry into or return from a system call. True if the child ended before.
// Nothing changes on the disk between two system calls, so going through all of them tries every moment at which a run can die.
bool run_and_kill(int stops, const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  for (int i = 0; WIFSTOPPED(status) && i < stops; ++i) {
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    waitpid(child, &status, 0);
  }
  if (WIFEXITED(status)) return true;
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return false;
}

TEST(AtomicDirectory, ARunKilledAtAnyMomentLeavesTheOldModelOrTheNewOne) {
  const Files old_model = {{"model.json", "old"}, {"weights.bin", "old"}, {"README", "mine"}, {"notes/a", "mine"}};
  const Files new_files = {{"model.json", "new"}, {"group1-shard1of1.bin", std::string(100'000, 'n')}};
  Files new_model = new_files;
  new_model.insert({{"README", "mine"}, {"notes/a", "mine"}});
  const TemporaryDirectory directory;
  const std::string target = directory / "out";
  int old_survived = 0, new_appeared = 0;
  bool ended = false;
  for (int stops = 1; !ended; ++stops) {
    std::filesystem::remove_all(target);
    for (const auto& [name, content] : old_model) write_text(target + "/" + name, content);
    ended = run_and_kill(stops, [&] { (void)write_model(target, new_files); });
    ASSERT_FALSE(ended && stops < 20) << "the child could not be traced";

    const Files found = tree(target);
    ASSERT_TRUE(found == old_model || found == new_model) << "killed at stop " << stops;
    (found == new_model ? new_appeared : old_survived) += 1;
    const auto beside = names_in(directory.path());
    ASSERT_LE(beside.size(), 2U) << "killed at stop " << stops;
    if (beside.size() == 2) {
      ASSERT_EQ(beside[0], ".out.isomer-partial");
    }

    ASSERT_TRUE(write_model(target, {{"model.json", "next"}}));
    ASSERT_EQ(tree(directory.path()), (Files{{"out/model.json", "next"}, {"out/README", "mine"}, {"out/notes/a", "mine"}})) << "killed at stop " << stops;
  }
  EXPECT_GT(old_survived, 10);
  EXPECT_GT(new_appeared, 3);
}

}  // namespace
}  // namespace isomer
