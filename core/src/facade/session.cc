#include <algorithm>
#include <cmath>
#include <map>

#include "accounts.h"
#include "evaluation.h"
#include "inspect.h"
#include "lists.h"
#include "request.h"
#include "scan_jobs.h"
#include "verifying.h"
#include "whittle/job.h"
#include "whittle/pipeline.h"
#include "whittle/quant.h"
#include "whittle/report.h"
#include "whittle/saved_model.h"
#include "whittle/tensor_bundle.h"
#include "whittle/text.h"
#include "whittle/whittle.h"

namespace whittle {
namespace {

enum class Stage : uint8_t { kStart, kRead, kCheckpoint, kPasses, kEvaluate, kPlan, kVerify, kOutputs, kWrite, kDone };

std::string_view form_name(InputForm form) {
  switch (form) {
    case InputForm::kSavedModel: return "saved_model";
    case InputForm::kSavedModelText: return "saved_model_text";
    case InputForm::kGraphDef: return "graph_def";
    case InputForm::kGraphDefText: return "graph_def_text";
  }
  return "";
}

// Held blocks are dropped before more is read once they pass this.
constexpr uint64_t kVerifyCache = uint64_t{96} << 20;

// 10 log10(ratio), to a hundredth: what is shown, and equal on every target's libm.
double decibels(double ratio) { return std::round(1000 * std::log10(ratio)) / 100; }

}  // namespace

struct Session::Impl {
  State state = State::kProgress;
  Stage stage = Stage::kStart;
  Request request;
  std::vector<FileEntry> model_files;  // of the side that is being read, under their indices in the request
  std::unique_ptr<BlockCache> cache;
  Context ctx;
  std::unique_ptr<ScanJobs> scans;
  std::unique_ptr<ModelReader> reader;
  std::unique_ptr<Model> model;       // between reading and the pipeline
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<Evaluation> evaluation;
  std::unique_ptr<Verifying> verifying;
  FileRole side = FileRole::kModel;   // compare reads two models
  Comparison comparison;
  uint64_t nodes_before = 0;
  bool cancelled = false;

  std::vector<FileRange> needs;
  std::vector<JobView> jobs;
  std::map<uint32_t, Job> running;    // by id, handed out
  uint32_t next_job = 1;
  std::vector<PlannedFile> planned;
  std::vector<OutputFile> outputs;
  std::map<std::string, EncodeResult> encoded;  // by node name
  bool unchanged_copy = false;
  uint64_t work_done = 0, work_total = 0;       // input bytes of jobs

  std::string report_json;
  std::string phase = "reading";
  Error failure;

  void fail(Error error) {
    state = State::kError;
    failure = std::move(error);
    if (failure.code == Code::kNeedBytes) {
      failure.code = Code::kInternal;
      failure.message = cat("bytes were asked for twice: ", failure.message);
    }
  }

  uint64_t input_bytes() const {
    uint64_t total = 0;
    for (size_t k = 0; k < request.files.size(); ++k) total += request.roles[k] == side ? request.files[k].size : 0;
    return total;
  }

  // Asks the embedder for what a stage lacked. False when the stage asked for nothing: our mistake.
  bool ask() {
    needs = cache->take_missing();
    if (!needs.empty()) {
      state = State::kNeed;
      return true;
    }
    jobs.clear();
    for (Job& job : scans->take_wanted()) {
      if (!add_job(std::move(job))) return true;
    }
    if (!jobs.empty()) state = State::kJobs;
    return !jobs.empty();
  }

  bool add_job(Job job) {
    JobView view;
    view.id = next_job++;
    Result<std::vector<uint8_t>> descriptor = serialize_job(job);
    if (!descriptor.ok()) {
      fail(descriptor.take_error());
      return false;
    }
    view.descriptor = std::move(descriptor).value();
    view.pieces = job_pieces(job);
    for (const FilePiece& p : view.pieces) view.input_bytes += p.total();
    if (job.kind == JobKind::kEncode) view.output_bytes = encoded_size(job.tensor);
    work_total += view.input_bytes;
    running.emplace(view.id, std::move(job));
    jobs.push_back(std::move(view));
    return true;
  }

  // Runs a stage that may lack bytes.
  template <class T>
  bool ready(Result<T>& result) {
    if (result.ok()) return true;
    if (result.error().code != Code::kNeedBytes || !ask()) fail(result.take_error());
    return false;
  }

  void run() {
    if (cancelled && state != State::kError) return fail({Code::kCancelled, "the run was cancelled", {}});
    state = State::kProgress;
    switch (stage) {
      case Stage::kStart: return start();
      case Stage::kRead: return read();
      case Stage::kCheckpoint: return open_checkpoint();
      case Stage::kPasses: return run_pass();
      case Stage::kEvaluate: return evaluate();
      case Stage::kPlan: return plan();
      case Stage::kVerify: return verify();
      case Stage::kOutputs: return make_plan_final();
      case Stage::kWrite: return finish();
      case Stage::kDone: state = State::kDone; return;
    }
  }

  void start() {
    if (request.command == Command::kList) {
      Result<std::string> text = list_json(request.what);
      if (!text.ok()) return fail(text.take_error());
      report_json = std::move(text).value();
      stage = Stage::kDone;
      state = State::kDone;
      return;
    }
    cache = std::make_unique<BlockCache>(request.files);
    ctx = Context(cache.get());
    ctx.set_cancel([this] { return cancelled; });
    scans = std::make_unique<ScanJobs>(ctx);
    const bool compares = request.command == Command::kCompare;
    if (compares || (request.command == Command::kOptimize && request.verify.wanted)) {
      verifying = std::make_unique<Verifying>(request);
    }
    open_reader();
  }

  void open_reader() {
    model_files = files_of(request, side);
    ReadOptions options;
    options.tags = request.tags;
    options.signatures = request.signatures;
    options.inputs = request.inputs;
    options.outputs = request.outputs;
    options.need_signature = request.command == Command::kOptimize;
    reader = std::make_unique<ModelReader>(model_files, options);
    stage = Stage::kRead;
  }

  void read() {
    phase = "reading";
    Result<Model> result = reader->read(ctx);
    if (!result.ok() && result.error().code == Code::kNeedBytes) cache->evict_all();
    if (!ready(result)) return;
    cache->evict_all();
    model = std::make_unique<Model>(std::move(result).value());
    const MetaGraph& meta = model->meta;
    nodes_before = meta.graph.size();
    for (const std::string& name : meta.library.names()) nodes_before += meta.library.node_count(name);
    stage = Stage::kCheckpoint;
  }

  void open_checkpoint() {
    const std::string& root = reader->detected().root;
    if (model->source == Model::Source::kSavedModel &&
        find_file(model_files, root, "variables/variables.index")) {
      Result<std::shared_ptr<const TensorBundle>> bundle = open_tensor_bundle(
          "variables/variables",
          [&](std::string_view path) { return find_file(model_files, root, path); }, ctx);
      if (!ready(bundle)) return;
      model->meta.checkpoint = std::move(bundle).value();
    }
    if (request.command == Command::kInspect) {
      report_json = to_json(inspect_model(*model, *reader, model_files, nodes_before, ctx));
      stage = Stage::kDone;
      state = State::kDone;
      return;
    }
    const Recipe recipe = request.command == Command::kCompare ? Recipe() : request.recipe;
    pipeline = std::make_unique<Pipeline>(std::move(*model), recipe, request.pipeline);
    model.reset();
    stage = Stage::kPasses;
    if (pipeline->structural_steps() != 0) return;
    if (request.command == Command::kCompare) return compared_side_is_ready();
    if (verifying != nullptr) verifying->watch(*pipeline);
  }

  void run_pass() {
    phase = std::string(pipeline->current());
    Result<bool> more = pipeline->step(ctx, *scans);
    if (!ready(more)) return;
    if (request.command == Command::kCompare) {
      // As it was read, but for a mutable table, whose contents only the normal form has.
      const bool enough = pipeline->model().meta.table_restores.empty() || pipeline->position() == pipeline->structural_steps();
      if (enough) compared_side_is_ready();
      return;
    }
    if (verifying != nullptr) verifying->watch(*pipeline);
    if (!more.value()) stage = request.command == Command::kEvaluate ? Stage::kEvaluate : Stage::kPlan;
  }

  void evaluate() {
    phase = "evaluating";
    if (evaluation == nullptr) {
      const std::optional<FileId> file = find_file(request.files, "", request.samples.file);
      if (!file) return fail(not_found(cat("there is no file ", printable(request.samples.file))));
      evaluation = std::make_unique<Evaluation>(pipeline->model().meta, request.samples, *file);
    }
    Result<bool> done = evaluation->step(ctx);
    if (!ready(done) || !done.value()) return;
    report_json = evaluation->report();
    stage = Stage::kDone;
    state = State::kDone;
  }

  // One model of a comparison has been read: the other one is next, or both run.
  void compared_side_is_ready() {
    ComparedModel& about = side == FileRole::kModel ? comparison.a : comparison.b;
    about = {std::string(form_name(reader->detected().form)), input_bytes(), nodes_before};
    if (side == FileRole::kOther) {
      stage = Stage::kVerify;
      return;
    }
    verifying->set_original(std::make_unique<Model>(std::move(pipeline->model())));
    pipeline.reset();
    side = FileRole::kOther;
    open_reader();
    stage = Stage::kRead;
  }

  void verify() {
    phase = "verifying";
    const bool compares = request.command == Command::kCompare;
    const VerifyBound bound = compares ? VerifyBound{{}, request.verify.min_sqnr_db, {}, request.verify.min_agreement}
                                       : bound_of(request.recipe, request.verify);
    Result<bool> done = verifying->step(pipeline->model().meta, bound, reader->detected().root, ctx);
    if (!done.ok() && cache->bytes_held() > kVerifyCache) cache->evict_all();
    if (!ready(done) || !done.value()) return;
    cache->evict_all();
    const Verification& v = verifying->outcome();
    if (v.state == VerifyState::kMissed && !request.verify.keep_anyway && !compares) return fail(missed_error(v));
    if (!compares) {
      stage = Stage::kOutputs;
      return;
    }
    comparison.verification = v;
    comparison.warnings = ctx.warnings();
    report_json = comparison_json(comparison);
    stage = Stage::kDone;
    state = State::kDone;
  }

  void plan() {
    phase = "planning";
    WriteOptions options;
    options.load_small = [this](const TensorRef& ref) { return load(ref, ctx); };
    options.want_small = [this](const TensorRef& ref) { scans->want(ref, 0, 1, ""); };
    Result<std::vector<PlannedFile>> files = plan_files(options);
    if (!ready(files)) return;
    planned = std::move(files).value();
    stage = verifying != nullptr && !unchanged_copy ? Stage::kVerify : Stage::kOutputs;
  }

  void make_plan_final() {
    Status made = make_outputs();
    if (!made.ok()) {
      if (made.error().code == Code::kNeedBytes && ask()) return;
      return fail(made.take_error());
    }
    phase = "writing";
    stage = Stage::kWrite;
    state = State::kPlanned;
  }

  Result<std::vector<PlannedFile>> plan_files(const WriteOptions& options) {
    const std::string& root = reader->detected().root;
    if (request.graph_def) {
      WHITTLE_ASSIGN(PlannedFile file, plan_graph_def(pipeline->model(), "frozen_graph.pb", options, ctx));
      std::vector<PlannedFile> files;
      files.push_back(std::move(file));
      return files;
    }
    WHITTLE_ASSIGN(std::vector<PlannedFile> files,
                   plan_saved_model(pipeline->model(), model_files, root, options, ctx));
    uint64_t after = 0, before = 0;
    for (const PlannedFile& f : files) after += f.size;
    for (const FileEntry& f : model_files) before += f.path.compare(0, root.size(), root) == 0 ? f.size : 0;
    // A preset never makes a SavedModel larger; explicit transforms do what they were asked.
    unchanged_copy = !request.recipe.preset.empty() && after >= before &&
                     reader->detected().form == InputForm::kSavedModel;
    if (!unchanged_copy) return files;
    files.clear();
    for (size_t k = 0; k < model_files.size(); ++k) {
      const FileEntry& f = model_files[k];
      if (f.path.compare(0, root.size(), root) != 0) continue;
      PlannedFile copy{f.path.substr(root.size()), f.size, {}};
      PlannedSegment segment;
      segment.kind = PlannedSegment::Kind::kCopy;
      segment.size = f.size;
      segment.copy = {static_cast<FileId>(k), 0, f.size};
      if (f.size != 0) copy.segments.push_back(std::move(segment));
      files.push_back(std::move(copy));
    }
    return files;
  }

  // Tensor segments in files become jobs; those in memory become literal bytes.
  Status make_outputs() {
    jobs.clear();
    running.clear();
    outputs.clear();
    work_done = work_total = 0;
    std::map<std::string, bool> by_job;
    for (PlannedFile& file : planned) {
      OutputFile out{file.path, file.size, {}};
      for (PlannedSegment& s : file.segments) {
        Segment segment;
        segment.size = s.size;
        if (s.kind == PlannedSegment::Kind::kCopy) {
          segment.kind = Segment::Kind::kCopy;
          segment.copy = s.copy;
        } else if (s.kind == PlannedSegment::Kind::kTensor && s.tensor.kind() == TensorRef::Kind::kFile) {
          Job job;
          job.name = s.name;
          job.tensor = s.tensor;
          if (!add_job(std::move(job))) return Error(failure);
          segment.kind = Segment::Kind::kJob;
          segment.job = jobs.back().id;
          by_job[s.name] = true;
        } else if (s.kind == PlannedSegment::Kind::kTensor) {
          WHITTLE_ASSIGN_IN(const Tensor t, load(s.tensor, ctx), cat("node ", printable(s.name)));
          s.literal.assign(reinterpret_cast<const char*>(t.bytes().data()), t.bytes().size());
        }
        out.segments.push_back(segment);
      }
      outputs.push_back(std::move(out));
    }
    if (unchanged_copy) return {};
    // Codes that are small lie in literals; what they lost is measured here.
    for (const WeightRecord& record : pipeline->model().weights) {
      for (const std::string& node : record.nodes) {
        if (record.measured || by_job.count(node) != 0) continue;
        const NodeId id = pipeline->model().meta.graph.find(node);
        if (id == kNoNode) continue;
        const AttrValue* value = pipeline->model().meta.graph.node(id).attrs.find("value");
        if (value == nullptr || value->tensor().steps().empty()) continue;
        WHITTLE_CHECK(measure(node, value->tensor()));
      }
    }
    return {};
  }

  Status measure(const std::string& name, const TensorRef& ref) {
    WHITTLE_ASSIGN(const Encoded e, encode_in_memory(ref, ctx));
    encoded[name] = e.result;
    return {};
  }

  void finish() {
    if (!running.empty()) {
      state = State::kPlanned;
      return;
    }
    report_json = to_json(make_report());
    stage = Stage::kDone;
    state = State::kDone;
  }

  Report make_report() {
    Model& m = pipeline->model();
    Report r;
    r.input_format = std::string(form_name(reader->detected().form));
    r.tags = m.meta.info.tags;
    r.tensorflow_version = m.meta.info.tensorflow_version;
    r.input_bytes = input_bytes();
    for (const PlannedFile& f : planned) r.output_bytes += f.size;
    r.output_files = planned.size();
    r.output_format = request.graph_def ? "graph_def" : "saved_model";
    r.form = "frozen";
    r.preset = request.recipe.preset;
    for (const TransformSpec& t : request.recipe.transforms) r.transforms.push_back({t.name, t.args});
    r.nodes_before = nodes_before;
    r.nodes_after = model_nodes(m);
    for (const PassRun& p : pipeline->runs()) {
      r.passes.push_back({p.name, p.patches, p.rolled_back, p.why, p.nodes_removed, p.bytes_removed});
    }
    r.signatures = describe_signatures(m.meta);
    r.opaque_ops = opaque_ops(m.meta);
    r.warnings = ctx.warnings();
    for (const Explained& e : pipeline->explained()) r.explained.push_back({e.node, e.pass, e.what});
    for (const std::string& name : request.pipeline.explain) explain_end(name, r);
    if (verifying != nullptr) r.verification = verifying->outcome();
    else r.verification.why = request.verify.why_not;
    if (unchanged_copy) {
      r.verification = {};
      r.verification.why = "the result is a copy of the input";
      r.verdict = "nothing to gain";
      r.form = "unchanged";
      r.nodes_after = nodes_before;
      return r;
    }
    for (const WeightRecord& record : m.weights) r.tensors.push_back(tensor_row(record, r));
    std::stable_sort(r.tensors.begin(), r.tensors.end(), [](const ReportTensor& a, const ReportTensor& b) {
      return a.record.bytes_before > b.record.bytes_before;
    });
    book_remainder(m, model_files, reader->detected().root);
    r.causes = settle(m.savings, static_cast<int64_t>(r.input_bytes) - static_cast<int64_t>(r.output_bytes),
                      static_cast<int64_t>(r.nodes_before) - static_cast<int64_t>(r.nodes_after));
    if (!request.graph_def) r.lost = m.meta.remainder.object_functions;
    r.verdict = r.output_bytes < r.input_bytes ? "smaller" : "not smaller";
    if (r.output_bytes >= r.input_bytes) r.warnings.push_back("the result is not smaller than the input");
    return r;
  }

  // What became of a followed node in the end: a weight's scheme, or that nothing happened to it.
  void explain_end(const std::string& name, Report& r) const {
    for (const WeightRecord& w : pipeline->model().weights) {
      if (w.name != name) continue;
      r.explained.push_back({name, "weights", w.scheme == "none" ? cat("stays as it is: ", w.reason) : cat("is stored as ", w.scheme)});
    }
    const bool known = std::any_of(r.explained.begin(), r.explained.end(), [&](const ReportExplained& e) { return e.node == name; });
    if (!known) r.explained.push_back({name, "", pipeline->model().meta.graph.find(name) == kNoNode ? "there is no such node" : "is unchanged"});
  }

  ReportTensor tensor_row(const WeightRecord& record, Report& r) const {
    ReportTensor row;
    row.record = record;
    r.eligible_bytes += record.bytes_before;
    if (record.scheme != "none") r.quantized_bytes += record.bytes_before;
    EncodeResult sum;
    sum.signal = record.signal;
    sum.noise = record.noise;
    sum.max_error = record.max_error;
    bool measured = record.measured || !record.nodes.empty();
    for (const std::string& node : record.nodes) {
      if (record.measured) break;
      auto it = encoded.find(node);
      if (it == encoded.end()) {
        measured = false;
        break;
      }
      sum.signal += it->second.signal;
      sum.noise += it->second.noise;
      sum.max_error = std::max(sum.max_error, it->second.max_error);
    }
    if (!measured) return row;
    row.max_error = sum.max_error;
    if (sum.noise > 0 && sum.signal > 0) row.sqnr_db = decibels(sum.signal / sum.noise);
    return row;
  }
};

Session::Session(std::string_view request_json) : impl_(std::make_unique<Impl>()) {
  Result<Request> request = parse_request(request_json);
  if (request.ok()) {
    impl_->request = std::move(request).value();
  } else {
    impl_->fail(request.take_error());
  }
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

State Session::step() {
  if (impl_->state != State::kError && impl_->state != State::kDone) impl_->run();
  return impl_->state;
}

State Session::state() const { return impl_->state; }
const std::vector<FileRange>& Session::needs() const { return impl_->needs; }

Status Session::provide(const FileRange& range, std::span<const uint8_t> bytes) {
  if (impl_->cache == nullptr) return internal_error("nothing was asked for");
  return impl_->cache->provide(range, bytes);
}

const std::vector<JobView>& Session::jobs() const { return impl_->jobs; }

Status Session::job_done(uint32_t id, std::span<const uint8_t> result) {
  auto it = impl_->running.find(id);
  if (it == impl_->running.end()) return invalid_argument(cat("there is no job ", id));
  const Job job = std::move(it->second);
  impl_->running.erase(it);
  for (const FilePiece& p : job_pieces(job)) impl_->work_done += p.total();
  if (job.kind == JobKind::kScan) {
    WHITTLE_ASSIGN(ScanResult scan, parse_scan_result(result));
    impl_->scans->done(job, std::move(scan));
  } else if (job.kind == JobKind::kEncode) {
    WHITTLE_ASSIGN(impl_->encoded[job.name], parse_encode_result(result));
  }
  return {};
}

const std::vector<OutputFile>& Session::outputs() const { return impl_->outputs; }

std::span<const uint8_t> Session::literal(size_t file, size_t segment) const {
  const std::string& bytes = impl_->planned[file].segments[segment].literal;
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

void Session::cancel() { impl_->cancelled = true; }

double Session::progress() const {
  switch (impl_->stage) {
    case Stage::kStart: return 0;
    case Stage::kRead: return impl_->reader == nullptr ? 0 : 0.05 * impl_->reader->progress();
    case Stage::kCheckpoint: return 0.05;
    case Stage::kPasses: return 0.05 + 0.15 * (impl_->pipeline == nullptr ? 0 : impl_->pipeline->progress());
    case Stage::kEvaluate:
    case Stage::kPlan: return 0.2;
    case Stage::kVerify: return 0.2 + 0.2 * impl_->verifying->progress();
    case Stage::kOutputs: return 0.4;
    case Stage::kWrite:
      return 0.4 + 0.6 * (impl_->work_total == 0 ? 1.0
                                                 : static_cast<double>(impl_->work_done) /
                                                       static_cast<double>(impl_->work_total));
    case Stage::kDone: return 1;
  }
  return 1;
}

const std::string& Session::phase() const { return impl_->phase; }
const std::string& Session::report() const { return impl_->report_json; }
const Error& Session::error() const { return impl_->failure; }

}  // namespace whittle
