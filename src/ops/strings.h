// Attributes of the ops on strings.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct StringJoinAttributes {
  std::string separator;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("separator", self.separator);
  }
};

// printf's precision, width and fill character (one of " +-0#", or none).
struct AsStringAttributes {
  int64_t precision = -1;
  bool scientific = false;
  bool shortest = false;
  int64_t width = -1;
  std::string fill;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("precision", self.precision);
    visit("scientific", self.scientific);
    visit("shortest", self.shortest);
    visit("width", self.width);
    visit("fill", self.fill);
  }
};

struct StringFormatAttributes {
  std::string template_ = "%s";  // each `placeholder` in it becomes a tensor
  std::string placeholder = "%s";
  int64_t summarize = 3;  // elements at both ends of each dimension; all where it is negative
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("template", self.template_);
    visit("placeholder", self.placeholder);
    visit("summarize", self.summarize);
  }
};

// StringLower and StringUpper: "" for ASCII letters only, or "utf-8".
struct StringCaseAttributes {
  std::string encoding;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("encoding", self.encoding);
  }
};

// StringLength and Substr: what is counted, "BYTE" or "UTF8_CHAR".
struct StringUnitAttributes {
  std::string unit = "BYTE";
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("unit", self.unit);
  }
};

struct StringToNumberAttributes {
  DType out_type = DType::kFloat32;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("out_type", self.out_type);
  }
};

struct StringSplitAttributes {
  bool skip_empty = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("skip_empty", self.skip_empty);
  }
};

struct StringSplitV2Attributes {
  int64_t maxsplit = -1;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("maxsplit", self.maxsplit);
  }
};

struct StaticRegexReplaceAttributes {
  std::string pattern;
  std::string rewrite;
  bool replace_global = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("pattern", self.pattern);
    visit("rewrite", self.rewrite);
    visit("replace_global", self.replace_global);
  }
};

struct RegexReplaceAttributes {
  bool replace_global = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("replace_global", self.replace_global);
  }
};

struct StaticRegexFullMatchAttributes {
  std::string pattern;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("pattern", self.pattern);
  }
};

// StringToHashBucket and StringToHashBucketFast.
struct HashBucketAttributes {
  int64_t num_buckets = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("num_buckets", self.num_buckets);
  }
};

struct StringToHashBucketStrongAttributes {
  int64_t num_buckets = 0;
  std::vector<int64_t> key;  // two numbers
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("num_buckets", self.num_buckets);
    visit("key", self.key);
  }
};

struct StringNGramsAttributes {
  std::string separator;
  std::vector<int64_t> ngram_widths;
  std::string left_pad;
  std::string right_pad;
  int64_t pad_width = 0;
  bool preserve_short_sequences = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("separator", self.separator);
    visit("ngram_widths", self.ngram_widths);
    visit("left_pad", self.left_pad);
    visit("right_pad", self.right_pad);
    visit("pad_width", self.pad_width);
    visit("preserve_short_sequences", self.preserve_short_sequences);
  }
};

struct ReduceJoinAttributes {
  bool keep_dims = false;
  std::string separator;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("keep_dims", self.keep_dims);
    visit("separator", self.separator);
  }
};

}  // namespace isomer::ops
