// Code points are mapped one by one through tables of runs (most letters) and of specials (letters that become several). One rule looks around: a capital
// sigma at the end of a word becomes the final small sigma.
#include "ops/unicode_case.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "ops/unicode_case_data.h"

namespace isomer::ops {
namespace {

constexpr uint32_t kReplacement = 0xFFFD, kCapitalSigma = 0x3A3, kFinalSigma = 0x3C2;

// The code point at text[at], which moves behind it.
uint32_t decode(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t lead = byte(at++);
  if (lead < 0x80) return lead;
  const size_t more = lead >= 0xC2 && lead < 0xE0 ? 1 : lead >= 0xE0 && lead < 0xF0 ? 2 : lead >= 0xF0 && lead < 0xF5 ? 3 : 0;
  if (more == 0) return kReplacement;
  uint32_t code = lead & (0x3Fu >> more);
  // The second byte decides about overlong forms, surrogates and codes above U+10FFFF.
  const uint32_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 0; i < more; ++i) {
    if (at == text.size() || byte(at) < (i == 0 ? low : 0x80) || byte(at) > (i == 0 ? high : 0xBF)) return kReplacement;
    code = code << 6 | (byte(at++) & 0x3F);
  }
  return code;
}

void encode(uint32_t code, std::string& out) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

template <size_t runs, size_t specials>
void map(uint32_t code, const CaseRun (&run_table)[runs], const CaseSpecial (&special_table)[specials], std::string& out) {
  const auto* special = std::lower_bound(std::begin(special_table), std::end(special_table), code, [](const CaseSpecial& s, uint32_t c) { return s.code < c; });
  if (special != std::end(special_table) && special->code == code) {
    for (const uint32_t part : special->become)
      if (part != 0) encode(part, out);
    return;
  }
  const auto* run = std::lower_bound(std::begin(run_table), std::end(run_table), code, [](const CaseRun& r, uint32_t c) { return r.last < c; });
  const bool inside = run != std::end(run_table) && code >= run->first && (code - run->first) % run->step == 0;
  encode(inside ? static_cast<uint32_t>(static_cast<int32_t>(code) + run->delta) : code, out);
}

bool in_runs(uint32_t code, const auto& table) {
  const auto* run = std::lower_bound(std::begin(table), std::end(table), code, [](const CaseRun& r, uint32_t c) { return r.last < c; });
  return run != std::end(table) && code >= run->first && (code - run->first) % run->step == 0;
}
bool cased(uint32_t code) { return in_runs(code, kUpperRuns) || in_runs(code, kLowerRuns) || code == 0xDF; }
// Marks and punctuation that stand inside words.
bool ignorable(uint32_t code) { return code == '\'' || code == '.' || code == ':' || code == 0xAD || code == 0x2019 || (code >= 0x300 && code < 0x370); }

bool ends_word(const std::vector<uint32_t>& codes, size_t at) {
  size_t before = at, after = at + 1;
  while (before > 0 && ignorable(codes[before - 1])) --before;
  while (after < codes.size() && ignorable(codes[after])) ++after;
  return before > 0 && cased(codes[before - 1]) && (after == codes.size() || !cased(codes[after]));
}

std::vector<uint32_t> code_points(std::string_view text) {
  std::vector<uint32_t> codes;
  for (size_t at = 0; at < text.size();) codes.push_back(decode(text, at));
  return codes;
}

}  // namespace

std::string to_upper_utf8(std::string_view text) {
  std::string out;
  for (const uint32_t code : code_points(text)) map(code, kUpperRuns, kUpperSpecials, out);
  return out;
}

std::string to_lower_utf8(std::string_view text) {
  std::string out;
  const std::vector<uint32_t> codes = code_points(text);
  for (size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == kCapitalSigma && ends_word(codes, i)) {
      encode(kFinalSigma, out);
    } else {
      map(codes[i], kLowerRuns, kLowerSpecials, out);
    }
  }
  return out;
}

}  // namespace isomer::ops
