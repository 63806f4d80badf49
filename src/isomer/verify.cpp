#include "isomer/verify.h"

#include <algorithm>
#include <limits>

#include "isomer/ports.h"
#include "isomer/sample.h"
#include "passes/pass.h"

namespace isomer {
namespace {

// "x:0" and "x" are one tensor.
std::string_view stem(std::string_view name) { return name.ends_with(":0") ? name.substr(0, name.size() - 2) : name; }

bool same_name(const ir::Port& a, const ir::Port& b) {
  return a.key == b.key || stem(a.key) == stem(b.key) || (!a.tensor_name.empty() && stem(a.tensor_name) == stem(b.tensor_name));
}

bool same_kind(const TensorType& a, const TensorType& b) {
  return (type_class(a.dtype) == type_class(b.dtype) || a.dtype == DType::kInvalid || b.dtype == DType::kInvalid) && compatible(a.shape, b.shape);
}

// Ports of the two models that stand for each other: those of one name; then, where as many are left of each, those at the same place of the rest, if
// their types agree.
std::vector<PortMatch> match_ports(const ir::Graph& first, const std::vector<ir::Port>& a, const ir::Graph& second, const std::vector<ir::Port>& b) {
  std::vector<PortMatch> matches;
  std::vector<const ir::Port*> rest_a, rest_b;
  for (const ir::Port& port : b) rest_b.push_back(&port);
  for (const ir::Port& port : a) {
    const auto exact = std::find_if(rest_b.begin(), rest_b.end(), [&](const ir::Port* other) { return other->key == port.key; });
    const auto named =
        exact != rest_b.end() ? exact : std::find_if(rest_b.begin(), rest_b.end(), [&](const ir::Port* other) { return same_name(port, *other); });
    if (named == rest_b.end()) {
      rest_a.push_back(&port);
      continue;
    }
    matches.push_back({port.key, (*named)->key, true});
    rest_b.erase(named);
  }
  if (rest_a.size() != rest_b.size()) return matches;
  for (size_t i = 0; i < rest_a.size(); ++i)
    if (same_kind(first.type(rest_a[i]->value), second.type(rest_b[i]->value))) matches.push_back({rest_a[i]->key, rest_b[i]->key, false});
  return matches;
}

const PortMatch* match_of(const std::vector<PortMatch>& matches, std::string_view first) {
  const auto it = std::find_if(matches.begin(), matches.end(), [&](const PortMatch& match) { return match.first == first; });
  return it == matches.end() ? nullptr : &*it;
}

OutputDifference without_counterpart(const std::string& name, std::string note) {
  OutputDifference difference;
  difference.name = name;
  difference.equal = false;
  difference.max_absolute = difference.max_relative = std::numeric_limits<double>::infinity();
  difference.note = std::move(note);
  return difference;
}

// Keeps the worse of two differences of one output.
void merge_into(OutputDifference& all, OutputDifference one) {
  one.equal = one.equal && all.equal;
  const bool worse = all.note.empty() && (!one.note.empty() || one.max_absolute > all.max_absolute);
  one.max_relative = std::max(one.max_relative, all.max_relative);
  const double absolute = std::max(one.max_absolute, all.max_absolute);
  if (worse) {
    all = std::move(one);
  } else {
    all.equal = one.equal;
    all.max_relative = one.max_relative;
  }
  all.max_absolute = absolute;
}

class Verification {
 public:
  Verification(const VerifyOptions& options, LoadedModel first, LoadedModel second) : options_(options), first_(std::move(first)), second_(std::move(second)) {}

  Result<VerifyReport> run() {
    report_.first = first_.source;
    report_.second = second_.source;
    TRY(match());
    given_ = TRY(read_inputs(first_.module, options_.inputs, options_.limits));
    const ir::Graph& graph = TRY(entry_function(first_.module))->graph;
    const bool all_given = given_.tensors.size() == graph.inputs.size();
    report_.samples = all_given ? 1 : options_.samples;
    for (int64_t i = 0; i < report_.samples; ++i) TRY(compare_sample(static_cast<uint64_t>(i)));
    for (const std::string& key : only_second_) report_.differences.push_back(without_counterpart(key, "only the second model has this output"));
    if (options_.bisect && !report_.equal()) TRY(bisect());
    return std::move(report_);
  }

 private:
  Result<void> match() {
    const ir::Graph& a = TRY(entry_function(first_.module))->graph;
    const ir::Graph& b = TRY(entry_function(second_.module))->graph;
    report_.inputs = match_ports(a, a.inputs, b, b.inputs);
    report_.outputs = match_ports(a, a.outputs, b, b.outputs);
    for (const ir::Port& port : b.inputs) {
      if (std::any_of(report_.inputs.begin(), report_.inputs.end(), [&](const PortMatch& match) { return match.second == port.key; })) continue;
      return fail(Error{ErrorCode::kInvalidModel,
                        "the second model takes an input '" + port.key + "' " + to_string(b.type(port.value)) + " that the first has not",
                        {},
                        {},
                        "inputs of the first: " + list_ports(a, a.inputs) + "; of the second: " + list_ports(b, b.inputs)});
    }
    for (const ir::Port& port : b.outputs)
      if (std::none_of(report_.outputs.begin(), report_.outputs.end(), [&](const PortMatch& match) { return match.second == port.key; }))
        only_second_.push_back(port.key);
    // What is drawn for the first model has to suit the second.
    for (const PortMatch& match : report_.inputs) sample_.other_shapes[match.first] = b.type(find_input(b, match.second)->value).shape;
    return {};
  }

  RunOptions run_options(const LoadedModel& model) const {
    RunOptions run;
    run.limits = options_.limits;
    run.seed = options_.seed;
    run.tfjs_compat = options_.tfjs_compat && model.source.format == Format::kGraphModel;
    return run;
  }

  std::vector<NamedTensor> renamed(const std::vector<NamedTensor>& inputs) const {
    std::vector<NamedTensor> result;
    for (const NamedTensor& input : inputs)
      if (const PortMatch* match = match_of(report_.inputs, input.name)) result.push_back({match->second, input.value});
    return result;
  }

  Result<void> compare_sample(uint64_t number) {
    if (options_.progress) options_.progress->stage("comparing", report_.samples);
    sample_.seed = options_.seed + number;
    sample_.given = given_;
    if (sample_.given.random_rest) *sample_.given.random_rest += number;
    for (auto& [name, seed] : sample_.given.random) seed += number;
    sample_.shapes = options_.inputs.shapes;
    SampledRun first = TRY(in_context(sample_run(first_.module, sample_, run_options(first_)), "running the first model"));
    const auto second = TRY(in_context(run_model(second_.module, renamed(first.inputs), run_options(second_)), "running the second model"));
    const bool is_first = report_.differences.empty();
    for (size_t i = 0; i < first.outputs.size(); ++i) {
      OutputDifference difference = difference_of(first.outputs[i], second);
      if (is_first) {
        report_.differences.push_back(std::move(difference));
      } else {
        merge_into(report_.differences[i], std::move(difference));
      }
    }
    // The first sample that differs is the one to look into.
    if (!found_difference_) inputs_ = std::move(first.inputs);
    found_difference_ = !report_.equal();
    return {};
  }

  OutputDifference difference_of(const NamedTensor& output, const std::vector<NamedTensor>& second) const {
    const PortMatch* match = match_of(report_.outputs, output.name);
    if (!match) return without_counterpart(output.name, "the second model has no such output");
    const auto it = std::find_if(second.begin(), second.end(), [&](const NamedTensor& t) { return t.name == match->second; });
    return compare_tensors(output.name, output.value, it->value, options_.tolerance);
  }

  // Follows the first output that differs.
  Result<void> bisect() {
    passes::PassContext context;
    context.limits = options_.limits;
    TRY(passes::inline_functions(first_.module, context));
    TRY(passes::inline_functions(second_.module, context));
    for (const OutputDifference& difference : report_.differences) {
      const PortMatch* match = match_of(report_.outputs, difference.name);
      if (difference.equal || !match) continue;
      report_.parting = TRY(find_parting(first_.module, inputs_, run_options(first_), second_.module, renamed(inputs_), run_options(second_), difference.name,
                                         match->second, options_.tolerance));
      if (!report_.parting->first.empty()) break;  // else another sample was the one in which this output differed
    }
    return {};
  }

  const VerifyOptions& options_;
  LoadedModel first_, second_;
  VerifyReport report_;
  std::vector<std::string> only_second_;
  GivenInputs given_;
  SampleRequest sample_;
  std::vector<NamedTensor> inputs_;  // of the first run that differed, or the last
  bool found_difference_ = false;
};

}  // namespace

bool VerifyReport::equal() const {
  return std::all_of(differences.begin(), differences.end(), [](const OutputDifference& difference) { return difference.equal; });
}

Result<VerifyReport> verify_models(const std::string& first, const std::string& second, const VerifyOptions& options) {
  if (options.samples < 1) return fail(ErrorCode::kInvalidArgument, "--samples must be positive, found " + std::to_string(options.samples));
  if (options.progress) options.progress->stage("reading " + first);
  LoadedModel a = TRY(load_model(first, options.first));
  if (options.progress) options.progress->stage("reading " + second);
  LoadedModel b = TRY(load_model(second, options.second));
  return Verification(options, std::move(a), std::move(b)).run();
}

}  // namespace isomer
