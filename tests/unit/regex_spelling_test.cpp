// Regular expressions for tf.js and back. That JavaScript matches the same is shown by the fixture regex_spelling, which the real tf.js runs.
#include "formats/tfjs/regex_spelling.h"

#include <gtest/gtest.h>

#include "wire/regex.h"

namespace isomer {
namespace {

std::string pattern_of(std::string_view pattern) {
  const auto spelling = tfjs::regex_for_javascript(pattern, "");
  return spelling ? spelling->pattern : "refused: " + spelling.error();
}
std::string rewrite_of(std::string_view pattern, std::string_view rewrite) {
  const auto spelling = tfjs::regex_for_javascript(pattern, rewrite);
  return spelling ? spelling->rewrite : "refused: " + spelling.error();
}

TEST(RegexSpelling, PlainPatternsStay) {
  for (const char* pattern : {"abc", "a+b*c?d", "(a|b)c", "(?:ab){2,3}", "[a-z]x", "^\\bab$", "\\.\\*", "a{2,}?", "0|1"})
    EXPECT_EQ(pattern_of(pattern), pattern);
}

TEST(RegexSpelling, WritesNoCapitalsAndOnlyAscii) {
  EXPECT_EQ(pattern_of("AbC"), "\\x41b\\x43");
  EXPECT_EQ(pattern_of("[A-Z]"), "[\\x41-\\x5a]");
  EXPECT_EQ(pattern_of("é"), "\\u00e9");
  EXPECT_EQ(pattern_of("\U0001F600+"), "(?:\\ud83d\\ude00)+");
  EXPECT_EQ(pattern_of("\\Aa\\z"), "^a$");
  EXPECT_EQ(pattern_of("\\Bo"), "(?!\\b)o");
}

TEST(RegexSpelling, WritesSetsAsClasses) {
  EXPECT_EQ(pattern_of("\\d"), "[0-9]");
  EXPECT_EQ(pattern_of("\\s"), "[\\x09\\x0a\\x0c\\x0d ]");
  EXPECT_EQ(pattern_of("[[:digit:]x]"), "[0-9x]");
  EXPECT_EQ(pattern_of("[]a^-]"), "[\\-\\]\\^a]");
  EXPECT_EQ(pattern_of("."), "(?:[\\ud800-\\udbff][\\udc00-\\udfff]|[^\\x0a\\ud800-\\udfff])");
  EXPECT_EQ(pattern_of("[^[:^digit:]]"), "[0-9]");
}

TEST(RegexSpelling, RefusesWhatJavaScriptReadsOtherwise) {
  for (const char* pattern : {"(?i)a", "\\pL", "\\p{Greek}", "a*", "a?", "(a*)+b", "\\Qa\\E", "[\\x{1F600}-\\x{1F64F}]", "a**", "^?b", "[", "(?=a)b", "\\B"})
    EXPECT_TRUE(pattern_of(pattern).starts_with("refused: ")) << pattern << " became " << pattern_of(pattern);
}

TEST(RegexSpelling, TranslatesReplacements) {
  EXPECT_EQ(rewrite_of("(a)(b)", "\\2-\\1 \\0$"), "$2-$1 $&$$");
  EXPECT_EQ(rewrite_of("(a)(b)", "\\10"), "$010");
  for (const char* rewrite : {"\\3", "\\\\", "\\x", "\\", "A", "é"}) EXPECT_TRUE(rewrite_of("(a)(b)", rewrite).starts_with("refused: ")) << rewrite;
  EXPECT_TRUE(rewrite_of("(?:(a)|b)+", "\\1").starts_with("refused: "));
  EXPECT_EQ(rewrite_of("(a)+", "\\1"), "$1");
}

TEST(RegexSpelling, ComesBack) {
  const std::string text = "Aé b\U0001F600-\n$c  x\u00a0_z9";
  for (const char* pattern : {"[A-Z](é)", ".", "[^a-z]", "(\\W)\\s", "[é\\x{a0}]", "\U0001F600|_", "[\\s\\S]", "\\S+", "\\Bb|z"}) {
    const char* rewrite = "<\\0$>";
    const auto spelling = tfjs::regex_for_javascript(pattern, rewrite);
    ASSERT_TRUE(spelling) << pattern << ": " << spelling.error();
    const auto back = tfjs::regex_from_javascript(spelling->pattern, spelling->rewrite);
    EXPECT_EQ(back.rewrite, rewrite);
    const auto before = wire::Regex::compile(pattern), after = wire::Regex::compile(back.pattern);
    ASSERT_TRUE(before && after) << back.pattern;
    EXPECT_EQ(*before->replace(text, rewrite, true, 1000), *after->replace(text, rewrite, true, 1000)) << pattern << " came back as " << back.pattern;
  }
  EXPECT_EQ(tfjs::regex_from_javascript("(a)", "\\1$").rewrite, "\\1$");
}

}  // namespace
}  // namespace isomer
