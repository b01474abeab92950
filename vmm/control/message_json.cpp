#include "vmm/control/message_json.h"

#include "vmm/control/machine_config_fields.h"

#include <array>

namespace vivarium::control {

template <>
struct EnumNames<KeyAction> {
    static constexpr std::array<std::pair<KeyAction, std::string_view>, 3> kNames{
        {{KeyAction::Press, "press"}, {KeyAction::Down, "down"}, {KeyAction::Up, "up"}}};
};

template <>
struct EnumNames<MergeKind> {
    static constexpr std::array<std::pair<MergeKind, std::string_view>, 2> kNames{
        {{MergeKind::Commit, "commit"}, {MergeKind::Stream, "stream"}}};
};

// The states have their names in machine_state.cpp.
template <>
struct EnumNames<MachineState> {
    static const std::vector<std::pair<MachineState, std::string_view>> kNames;
};
template <>
struct EnumNames<StopReason> {
    static const std::vector<std::pair<StopReason, std::string_view>> kNames;
};

namespace {

template <class Enum>
std::vector<std::pair<Enum, std::string_view>> namesUpTo(Enum last,
                                                         std::string_view (*nameOf)(Enum)) {
    std::vector<std::pair<Enum, std::string_view>> names;
    for (int i = 0; i <= static_cast<int>(last); ++i)
        names.emplace_back(static_cast<Enum>(i), nameOf(static_cast<Enum>(i)));
    return names;
}

constexpr size_t kMaxDetailBytes = 64 * 1024;

} // namespace

const std::vector<std::pair<MachineState, std::string_view>> EnumNames<MachineState>::kNames =
    namesUpTo(MachineState::Stopping, machineStateName);
const std::vector<std::pair<StopReason, std::string_view>> EnumNames<StopReason>::kNames =
    namesUpTo(StopReason::Saved, stopReasonName);

// --- Parts -----------------------------------------------------------------------------------

template <class Visitor, Is<Rect> M>
void describe(Visitor& v, M& rectangle) {
    v("x", rectangle.x, upTo(kMaxScanoutWidth));
    v("y", rectangle.y, upTo(kMaxScanoutHeight));
    v("width", rectangle.width, upTo(kMaxScanoutWidth));
    v("height", rectangle.height, upTo(kMaxScanoutHeight));
}

template <class Visitor, Is<DriveStatus> M>
void describe(Visitor& v, M& drive) {
    v("id", drive.id, upTo(64));
    v("kind", drive.kind);
    v("mediumName", drive.mediumName, upTo(kMaxNameBytes));
    v("locked", drive.locked);
    v("sizeBytes", drive.sizeBytes);
    v("readBytes", drive.readBytes);
    v("writtenBytes", drive.writtenBytes);
    v("readRequests", drive.readRequests);
    v("writeRequests", drive.writeRequests);
}

template <class Visitor, Is<ScanoutInfo> M>
void describe(Visitor& v, M& info) {
    v("width", info.width, upTo(kMaxScanoutWidth));
    v("height", info.height, upTo(kMaxScanoutHeight));
    v("strideBytes", info.strideBytes);
    v("offsetBytes", info.offsetBytes);
    v("memoryBytes", info.memoryBytes);
    v("generation", info.generation);
}

// --- Requests and replies --------------------------------------------------------------------

template <class Visitor, Is<Empty> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<Pause> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<Resume> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<Reset> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<PowerButton> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<PowerOff> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<Status> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<CancelJob> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<CancelTyping> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<Screenshot> M>
void describe(Visitor&, M&) {}
template <class Visitor, Is<ScreenText> M>
void describe(Visitor&, M&) {}

template <class Visitor, Is<Configure> M>
void describe(Visitor& v, M& request) {
    v("config", request.config);
}
template <class Visitor, Is<Start> M>
void describe(Visitor& v, M& request) {
    v("paused", request.paused);
}
template <class Visitor, Is<StatusReply> M>
void describe(Visitor& v, M& reply) {
    v("state", reply.state);
    v("reason", reply.reason);
    v("detail", reply.detail, upTo(kMaxDetailBytes));
    v("accelerator", reply.accelerator, upTo(16));
    v("acceleratorReason", reply.acceleratorReason, upTo(kMaxDetailBytes));
    v("version", reply.version, upTo(64));
    v("pid", reply.pid);
    v("cpuCount", reply.cpuCount);
    v("memoryBytes", reply.memoryBytes);
    v("uptimeMs", reply.uptimeMs);
    v("firstInstructionNs", reply.firstInstructionNs);
    v("exitCount", reply.exitCount);
    v("drives", reply.drives, upTo(64));
    v("absolutePointer", reply.absolutePointer);
    v("vncClients", reply.vncClients);
}
template <class Visitor, Is<Key> M>
void describe(Visitor& v, M& request) {
    v("keys", request.keys, FieldRange{1, 16});
    v("action", request.action);
    v("holdMs", request.holdMs, upTo(10000));
}
template <class Visitor, Is<PointerRelative> M>
void describe(Visitor& v, M& request) {
    v("dx", request.dx, FieldRange{-65536, 65536});
    v("dy", request.dy, FieldRange{-65536, 65536});
    v("wheel", request.wheel, FieldRange{-1024, 1024});
    v("buttons", request.buttons, upTo(31));
}
template <class Visitor, Is<PointerAbsolute> M>
void describe(Visitor& v, M& request) {
    v("x", request.x, upTo(32767));
    v("y", request.y, upTo(32767));
    v("wheel", request.wheel, FieldRange{-1024, 1024});
    v("buttons", request.buttons, upTo(31));
}
template <class Visitor, Is<TypeText> M>
void describe(Visitor& v, M& request) {
    v("text", request.text, upTo(64 * 1024));
    v("delayMs", request.delayMs, upTo(1000));
}
template <class Visitor, Is<TypeTextReply> M>
void describe(Visitor& v, M& reply) {
    v("skipped", reply.skipped, upTo(256 * 1024)); // an invalid byte grows to U+FFFD
}
template <class Visitor, Is<ScreenshotReply> M>
void describe(Visitor& v, M& reply) {
    v("width", reply.width, upTo(kMaxScanoutWidth));
    v("height", reply.height, upTo(kMaxScanoutHeight));
    v("sizeBytes", reply.sizeBytes);
}
template <class Visitor, Is<ScreenTextReply> M>
void describe(Visitor& v, M& reply) {
    v("textMode", reply.textMode);
    v("columns", reply.columns);
    v("rows", reply.rows);
    v("lines", reply.lines, upTo(4096));
    v("cursorVisible", reply.cursorVisible);
    v("cursorColumn", reply.cursorColumn);
    v("cursorRow", reply.cursorRow);
}
template <class Visitor, Is<ChangeMedium> M>
void describe(Visitor& v, M& request) {
    v("drive", request.drive, FieldRange{1, 64});
    v("imageFd", request.imageFd, DescriptorIndex{});
    v("mediumName", request.mediumName, upTo(kMaxNameBytes));
    v("force", request.force);
}
template <class Visitor, Is<AttachDrive> M>
void describe(Visitor& v, M& request) {
    v("drive", request.drive);
}
template <class Visitor, Is<DetachDrive> M>
void describe(Visitor& v, M& request) {
    v("drive", request.drive, FieldRange{1, 64});
    v("force", request.force);
}
template <class Visitor, Is<ResizeDrive> M>
void describe(Visitor& v, M& request) {
    v("drive", request.drive, FieldRange{1, 64});
    v("sizeBytes", request.sizeBytes);
}
template <class Visitor, Is<AttachSerial> M>
void describe(Visitor& v, M& request) {
    v("port", request.port, upTo(3));
}
template <class Visitor, Is<Subscribe> M>
void describe(Visitor& v, M& request) {
    v("display", request.display);
    v("activity", request.activity);
}

template <class Visitor, Is<OverlayConfig> M>
void describe(Visitor& v, M& overlay) {
    v("drive", overlay.drive, FieldRange{1, 64});
    v("fd", overlay.fd, DescriptorIndex{});
    v("backingName", overlay.backingName, upTo(kMaxBackingNameBytes));
    v("backingFormat", overlay.backingFormat);
}
template <class Visitor, Is<TakeSnapshot> M>
void describe(Visitor& v, M& request) {
    v("stateFd", request.stateFd, DescriptorIndex{});
    v("ramFd", request.ramFd, DescriptorIndex{});
    v("ramIndexFd", request.ramIndexFd, DescriptorIndex{});
    v("parentRam", request.parentRam);
    v("overlays", request.overlays, upTo(kMaxDrives));
    v("thenPowerOff", request.thenPowerOff);
}
template <class Visitor, Is<TakeSnapshotReply> M>
void describe(Visitor& v, M& reply) {
    v("pausedNs", reply.pausedNs);
    v("writtenRamBytes", reply.writtenRamBytes);
}
template <class Visitor, Is<MergeLayers> M>
void describe(Visitor& v, M& request) {
    v("drive", request.drive, FieldRange{1, 64});
    v("kind", request.kind);
    v("upper", request.upper, FieldRange{1, kMaxChainFiles - 1});
    v("targetFd", request.targetFd, DescriptorIndex{});
    v("aboveFd", request.aboveFd, DescriptorIndex{});
    v("backingName", request.backingName, upTo(kMaxBackingNameBytes));
    v("backingFormat", request.backingFormat);
}
template <class Visitor, Is<CloneConfig> M>
void describe(Visitor& v, M& clone) {
    v("config", clone.config);
    v("overlays", clone.overlays, upTo(kMaxDrives));
    v("controlFd", clone.controlFd, DescriptorIndex{});
    v("logFd", clone.logFd, DescriptorIndex{});
}
template <class Visitor, Is<Fork> M>
void describe(Visitor& v, M& request) {
    v("overlays", request.overlays, upTo(kMaxDrives));
    v("clones", request.clones, FieldRange{1, 64});
}
template <class Visitor, Is<ForkReply> M>
void describe(Visitor& v, M& reply) {
    v("pausedNs", reply.pausedNs);
}

// --- Events ----------------------------------------------------------------------------------

template <class Visitor, Is<Hello> M>
void describe(Visitor& v, M& event) {
    v("protocol", event.protocol);
    v("version", event.version, upTo(64));
    v("machineId", event.machineId, upTo(64));
    v("machineName", event.machineName, upTo(64 * 1024));
    v("state", event.state);
}
template <class Visitor, Is<StateChanged> M>
void describe(Visitor& v, M& event) {
    v("state", event.state);
    v("reason", event.reason);
    v("detail", event.detail, upTo(kMaxDetailBytes));
}
template <class Visitor, Is<ScanoutChanged> M>
void describe(Visitor& v, M& event) {
    v("info", event.info);
}
template <class Visitor, Is<Damage> M>
void describe(Visitor& v, M& event) {
    v("generation", event.generation);
    v("rectangles", event.rectangles, upTo(4096));
}
template <class Visitor, Is<GuestReset> M>
void describe(Visitor& v, M& event) {
    v("cause", event.cause, upTo(64));
}
template <class Visitor, Is<LedsChanged> M>
void describe(Visitor& v, M& event) {
    v("scrollLock", event.scrollLock);
    v("numLock", event.numLock);
    v("capsLock", event.capsLock);
}
template <class Visitor, Is<PointerModeChanged> M>
void describe(Visitor& v, M& event) {
    v("absolute", event.absolute);
}
template <class Visitor, Is<MediumEjected> M>
void describe(Visitor& v, M& event) {
    v("drive", event.drive, upTo(64));
}
template <class Visitor, Is<Activity> M>
void describe(Visitor& v, M& event) {
    v("drives", event.drives, upTo(64));
}
template <class Visitor, Is<JobProgress> M>
void describe(Visitor& v, M& event) {
    v("job", event.job, upTo(32));
    v("doneBytes", event.doneBytes);
    v("totalBytes", event.totalBytes);
}
template <class Visitor, Is<Exiting> M>
void describe(Visitor& v, M& event) {
    v("reason", event.reason);
    v("guestExitValue", event.guestExitValue, FieldRange{-1, 255});
    v("detail", event.detail, upTo(kMaxDetailBytes));
}

std::string_view keyActionName(KeyAction action) {
    return enumName(action);
}

template <class Message>
nlohmann::json toJson(const Message& message) {
    return describedToJson(message);
}

template <class Message>
Result<Message> fromJson(const nlohmann::json& json, size_t descriptorCount) {
    return describedFromJson<Message>(json, descriptorCount);
}

// The config has rules that concern several fields.
template <>
Result<Configure> fromJson<Configure>(const nlohmann::json& json, size_t descriptorCount) {
    auto config = json.find("config");
    if (config == json.end())
        return fail(ErrorCode::InvalidArgument, "config is missing");
    return Configure{TRY(machineConfigFromJson(*config, static_cast<int>(descriptorCount)))};
}

template <>
Result<AttachDrive> fromJson<AttachDrive>(const nlohmann::json& json, size_t descriptorCount) {
    AttachDrive request = TRY(describedFromJson<AttachDrive>(json, descriptorCount));
    TRY(checkDrive(request.drive, "drive"));
    return request;
}

template <>
Result<Fork> fromJson<Fork>(const nlohmann::json& json, size_t descriptorCount) {
    Fork request = TRY(describedFromJson<Fork>(json, descriptorCount));
    for (const CloneConfig& clone : request.clones)
        TRY(checkConfig(clone.config));
    return request;
}

#define INSTANTIATE(Message)                                                                       \
    template nlohmann::json toJson<Message>(const Message&);                                       \
    template Result<Message> fromJson<Message>(const nlohmann::json&, size_t);

INSTANTIATE(Empty)
template nlohmann::json toJson<Configure>(const Configure&); // fromJson is written out above
INSTANTIATE(Start)
INSTANTIATE(Pause)
INSTANTIATE(Resume)
INSTANTIATE(Reset)
INSTANTIATE(PowerButton)
INSTANTIATE(PowerOff)
INSTANTIATE(Status)
INSTANTIATE(StatusReply)
INSTANTIATE(Key)
INSTANTIATE(PointerRelative)
INSTANTIATE(PointerAbsolute)
INSTANTIATE(TypeText)
INSTANTIATE(TypeTextReply)
INSTANTIATE(CancelTyping)
INSTANTIATE(Screenshot)
INSTANTIATE(ScreenshotReply)
INSTANTIATE(ScreenText)
INSTANTIATE(ScreenTextReply)
INSTANTIATE(ChangeMedium)
template nlohmann::json toJson<AttachDrive>(const AttachDrive&);
INSTANTIATE(DetachDrive)
INSTANTIATE(ResizeDrive)
INSTANTIATE(AttachSerial)
INSTANTIATE(Subscribe)
INSTANTIATE(TakeSnapshot)
INSTANTIATE(TakeSnapshotReply)
INSTANTIATE(MergeLayers)
INSTANTIATE(CancelJob)
INSTANTIATE(ForkReply)
template nlohmann::json toJson<Fork>(const Fork&);
INSTANTIATE(Hello)
INSTANTIATE(StateChanged)
INSTANTIATE(ScanoutChanged)
INSTANTIATE(Damage)
INSTANTIATE(GuestReset)
INSTANTIATE(LedsChanged)
INSTANTIATE(PointerModeChanged)
INSTANTIATE(MediumEjected)
INSTANTIATE(Activity)
INSTANTIATE(JobProgress)
INSTANTIATE(Exiting)

#undef INSTANTIATE

} // namespace vivarium::control
