// Layers that look texts and integers up in a vocabulary, and the one that makes texts into words first.
//
// The indices of a vocabulary begin with those of what is masked (in the mode "int" alone), then those of what is not in it, then its entries follow.
#include <algorithm>

#include "layers/layer_classes.h"

namespace isomer::layers {
namespace {

struct Vocabulary {
  bool of_texts = true;
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
  std::optional<JsonValue> mask;
  JsonValue unknown;
  int64_t unknown_count = 1;
  std::string mode = "int";
  int64_t depth = 0;  // indices that there are

  int64_t mask_count() const { return mask && mode == "int" ? 1 : 0; }
  int64_t first() const { return mask_count() + unknown_count; }
  int64_t entries() const { return static_cast<int64_t>(of_texts ? texts.size() : numbers.size()); }
};

// The entries, without the mask and the unknown ones that some files have at their head.
void read_entries(LayerCall& c, Vocabulary& v) {
  const JsonValue* list = c.config.find("vocabulary");
  if (const JsonValue* config = list ? list->find("config") : nullptr; config && config->find("value")) list = config->find("value");
  if (!list || !list->is_array())
    return c.unsupported("the vocabulary of the layer '" + c.layer.name + "' is not in its configuration",
                         "give the vocabulary as a list when the layer is made, or export the model as a SavedModel");
  std::vector<JsonValue> entries(list->items());
  std::vector<JsonValue> special(static_cast<size_t>(v.mask_count()), v.mask.value_or(JsonValue()));
  special.insert(special.end(), static_cast<size_t>(std::clamp<int64_t>(v.unknown_count, 0, 1 << 20)), v.unknown);
  if (special.size() <= entries.size() && std::equal(special.begin(), special.end(), entries.begin()))
    entries.erase(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(special.size()));
  for (const JsonValue& entry : entries) {
    const auto number = entry.as_int64();
    if (v.of_texts ? !entry.is_string() : !number) return c.e.refuse("the vocabulary holds " + describe(entry));
    if (v.of_texts) {
      v.texts.push_back(entry.text());
    } else {
      v.numbers.push_back(*number);
    }
  }
}

Vocabulary read_vocabulary(LayerCall& c, bool of_texts, std::optional<JsonValue> default_mask) {
  Vocabulary v;
  v.of_texts = of_texts;
  v.mode = c.config.text("output_mode", "int");
  if (v.mode == "binary") v.mode = "multi_hot";
  if (v.mode == "tf-idf") v.mode = "tf_idf";
  v.unknown_count = c.config.integer("num_oov_indices", 1);
  if (const JsonValue* mask = c.config.find("mask_token")) default_mask = *mask;
  v.mask = std::move(default_mask);
  const JsonValue* unknown = c.config.find("oov_token");
  v.unknown = unknown ? *unknown : of_texts ? JsonValue("[UNK]") : JsonValue(int64_t{-1});
  read_entries(c, v);
  v.depth = c.config.boolean("pad_to_max_tokens", false) ? c.config.integer("max_tokens", 0) : v.first() + v.entries();
  return v;
}

// A table of the module under the layer's name, made at the layer's first call.
Value find_in_table(LayerCall& c, Tensor keys, Tensor values, Value x, Value otherwise) {
  Emitter& e = c.e;
  if (e.failed()) return {};
  const std::string name = e.prefix + "table";
  const DType key = keys.dtype(), value = values.dtype();
  if (!e.module().find_table(name)) e.module().tables.push_back({name, key, value, std::move(keys), std::move(values)});
  const Value handle = e.make("HashTableV2", {}, {{"shared_name", name}, {"key_dtype", key}, {"value_dtype", value}});
  return e.make("LookupTableFindV2", {handle, x, otherwise});
}

Tensor texts_of(const std::vector<std::string>& texts) { return Tensor::from_strings({static_cast<int64_t>(texts.size())}, texts); }

Tensor count_from(int64_t first, int64_t count) {
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < count; ++i) numbers.push_back(first + i);
  return Tensor::int64s(numbers);
}

Value entry_constant(Emitter& e, const Vocabulary& v, const JsonValue& entry) {
  if (v.of_texts) return e.constant(Tensor::from_strings({}, {{entry.is_string() ? entry.text() : std::string()}}));
  return e.constant(Tensor::scalar(entry.as_int64().value_or(0)));
}

// int64 indices; -1 for what is masked where masks have no index, and for unknown entries where these have none.
Value indices_of(LayerCall& c, const Vocabulary& v, Value x) {
  Emitter& e = c.e;
  if (!v.of_texts) x = e.cast(x, DType::kInt64);
  const int64_t unknown = v.unknown_count == 1 ? v.mask_count() : -1;
  Value found =
      find_in_table(c, v.of_texts ? texts_of(v.texts) : Tensor::int64s(v.numbers), count_from(v.first(), v.entries()), x, e.constant(Tensor::scalar(unknown)));
  if (v.unknown_count > 1) {
    // Unknown entries are spread over their indices.
    Value hashed = v.of_texts ? e.make("StringToHashBucketFast", {x}, {{"num_buckets", v.unknown_count}})
                              : e.make("FloorMod", {x, e.scalar(DType::kInt64, static_cast<double>(v.unknown_count))});
    hashed = e.add(hashed, static_cast<double>(v.mask_count()));
    found = e.select(e.make("Less", {found, e.like(found, 0)}), hashed, found);
  }
  if (v.mask) found = e.select(e.make("Equal", {x, entry_constant(e, v, *v.mask)}), e.like(found, v.mode == "int" ? 0 : -1), found);
  return found;
}

// The weight of each index for tf_idf: those of entries are given; unknown ones weigh their mean.
Value frequency_weights(LayerCall& c, const Vocabulary& v) {
  std::vector<double> weights = c.config.numbers("idf_weights", {});
  if (weights.empty()) {
    c.unsupported("the weights of the layer '" + c.layer.name + "' for tf_idf are not in its configuration", "give idf_weights when the layer is made");
    return {};
  }
  double mean = 0;
  for (const double weight : weights) mean += weight / static_cast<double>(weights.size());
  if (static_cast<int64_t>(weights.size()) == v.entries()) weights.insert(weights.begin(), static_cast<size_t>(v.first()), mean);
  weights.resize(static_cast<size_t>(std::max<int64_t>(v.depth, 0)), 0);
  const std::vector<float> floats(weights.begin(), weights.end());
  return c.e.constant(Tensor::of<float>(DType::kFloat32, {static_cast<int64_t>(floats.size())}, floats), "idf_weights");
}

void invert(LayerCall& c, const Vocabulary& v) {
  Emitter& e = c.e;
  const Value x = e.cast(c.input(), DType::kInt64);
  const Value unknown = entry_constant(e, v, v.unknown);
  Value found = find_in_table(c, count_from(v.first(), v.entries()), v.of_texts ? texts_of(v.texts) : Tensor::int64s(v.numbers), x, unknown);
  if (v.mask) found = e.select(e.make("Equal", {x, e.like(x, 0)}), entry_constant(e, v, *v.mask), found);
  c.give(found);
}

// Keras 3 counts in integers.
DType count_dtype(LayerCall& c) { return c.config.generation() == Generation::kKeras3 ? DType::kInt64 : c.compute(); }

template <bool of_texts>
void lookup(LayerCall& c) {
  const Vocabulary v = read_vocabulary(c, of_texts, std::nullopt);
  if (c.e.failed()) return;
  if (c.config.boolean("invert", false)) return invert(c, v);
  const Value indices = indices_of(c, v, c.input());
  if (v.mode == "int") return c.give(indices);
  encode(c, indices, v.depth, v.mode == "tf_idf" ? "count" : v.mode, {});
  if (c.outputs.empty()) return;
  Value& y = c.outputs[0].value;
  y = v.mode == "tf_idf" ? c.e.multiply(y, c.e.cast(frequency_weights(c, v), c.compute())) : c.e.cast(y, count_dtype(c));
}

// --- TextVectorization

// Words of all texts in a row, and where the words of each text begin.
struct Words {
  Value values, splits;
};

// What splits take out of the words of each text is told by rows.
Value splits_from_rows(Emitter& e, Value rows, Value count) {
  const Value counts = e.make("UnsortedSegmentSum", {e.make("OnesLike", {rows}), rows, e.cast(count, DType::kInt32)});
  const Value parts[] = {e.constant(Tensor::int64s({{0}})), e.make("Cumsum", {counts, e.integer(0)})};
  return e.concatenate(parts, 0);
}

std::optional<Words> split_words(LayerCall& c, Value texts) {
  Emitter& e = c.e;
  const std::string split = c.config.text("split", "whitespace");
  Words words;
  if (split == "whitespace") {
    const Value inputs[] = {texts, e.constant(Tensor::from_strings({}, {{""}}))};
    const auto parts = e.make_all("StringSplitV2", inputs);
    if (parts.size() < 3) return std::nullopt;
    words.values = parts[1];
    const Value rows = e.make("StridedSlice", {parts[0], e.integers({0, 0}), e.integers({0, 1}), e.integers({1, 1})},
                              {{"begin_mask", int64_t{1}}, {"end_mask", int64_t{1}}, {"shrink_axis_mask", int64_t{2}}});
    words.splits = splits_from_rows(e, rows, e.dimension(texts, 0));
  } else if (split == "character") {
    const Value inputs[] = {texts};
    const auto parts = e.make_all("UnicodeDecode", inputs, {{"input_encoding", std::string("UTF-8")}});
    if (parts.size() < 2) return std::nullopt;
    words.splits = parts[0];
    const Value count = e.make("Size", {parts[1]}, {{"out_type", DType::kInt64}});
    const Value each = e.make("Range", {e.scalar(DType::kInt64, 0), e.add(count, 1), e.scalar(DType::kInt64, 1)});
    words.values = e.make("UnicodeEncode", {parts[1], each}, {{"output_encoding", std::string("UTF-8")}});
  } else {
    c.unsupported("TextVectorization with the split '" + split + "'", "use whitespace or character");
    return std::nullopt;
  }
  return words;
}

Value standardized(LayerCall& c, Value x) {
  Emitter& e = c.e;
  const std::string how = c.config.has("standardize") ? c.config.text("standardize", "") : "";
  if (how == "lower" || how == "lower_and_strip_punctuation") x = e.make("StringLower", {x});
  if (how == "strip_punctuation" || how == "lower_and_strip_punctuation")
    x = e.make("StaticRegexReplace", {x}, {{"pattern", std::string(R"([!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\'])")}, {"rewrite", std::string()}});
  if (!how.empty() && how != "lower" && how != "strip_punctuation" && how != "lower_and_strip_punctuation" && how != "none")
    c.unsupported("TextVectorization with the standardisation '" + how + "'", "use lower, strip_punctuation or lower_and_strip_punctuation");
  return x;
}

// Rows of equal length; `otherwise` where a text has fewer words.
Value as_rows(Emitter& e, const Words& words, int64_t length, int64_t otherwise) {
  const std::vector<int64_t> shape = {-1, length};
  const Value inputs[] = {e.constant(Tensor::int64s(shape)), words.values, e.scalar(DType::kInt64, static_cast<double>(otherwise)), words.splits};
  return e.make("RaggedTensorToTensor", inputs, {{"row_partition_types", std::vector<std::string>{"ROW_SPLITS"}}});
}

void text_vectorization(LayerCall& c) {
  Emitter& e = c.e;
  const Vocabulary v = read_vocabulary(c, true, JsonValue(""));
  if (e.failed()) return;
  if (c.config.boolean("ragged", false)) return c.unsupported("TextVectorization with ragged results", "set ragged to False");
  Value x = standardized(c, c.input());
  if (!c.config.has("split")) return encode(c, indices_of(c, v, x), v.depth, v.mode, {});
  if (e.rank(x) > 1) x = e.squeeze(x, e.rank(x) - 1);
  if (e.rank(x) == 0) x = e.expand(x, 0);
  auto words = split_words(c, x);
  if (!words || e.failed()) return;
  if (c.config.has("ngrams")) {
    std::vector<int64_t> widths = c.config.integers("ngrams", {1});
    if (c.config.find("ngrams")->is_number()) {
      const int64_t most = widths[0];
      widths.clear();
      for (int64_t n = 1; n <= most && n <= 64; ++n) widths.push_back(n);
    }
    const Value inputs[] = {words->values, words->splits};
    const auto grams = e.make_all("StringNGrams", inputs,
                                  {{"separator", std::string(" ")},
                                   {"ngram_widths", widths},
                                   {"left_pad", std::string()},
                                   {"right_pad", std::string()},
                                   {"pad_width", int64_t{0}},
                                   {"preserve_short_sequences", false}});
    if (grams.size() < 2) return;
    words = Words{grams[0], grams[1]};
  }
  words->values = indices_of(c, v, words->values);
  if (v.mode == "int") return c.give(as_rows(e, *words, c.config.integer("output_sequence_length", -1), 0));
  // Counted from 1, with 0 for no word.
  const Value rows = e.add(as_rows(e, *words, -1, -1), 1);
  const Value none = e.constant(Tensor::of<float>(DType::kFloat32, {0}, {}));
  const Value counted =
      e.make("DenseBincount", {rows, e.scalar(DType::kInt64, static_cast<double>(v.depth + 1)), none}, {{"binary_output", v.mode == "multi_hot"}});
  Value y = e.cast(e.slice(counted, 1, 1, v.depth + 1), v.mode == "tf_idf" ? c.compute() : count_dtype(c));
  if (v.mode == "tf_idf") y = e.multiply(y, e.cast(frequency_weights(c, v), c.compute()));
  if (v.mode != "multi_hot" && v.mode != "count" && v.mode != "tf_idf")
    return c.unsupported("the output mode '" + v.mode + "'", "use int, multi_hot, count or tf_idf");
  c.give(y);
}

}  // namespace

LAYER_CLASS(StringLookup, lookup<true>, "Texts to their indices in a vocabulary, or back.")
LAYER_CLASS(IntegerLookup, lookup<false>, "Integers to their indices in a vocabulary, or back.")
LAYER_CLASS(TextVectorization, text_vectorization, "Texts to the indices of their words, or counts of them.")

}  // namespace isomer::layers
