#pragma once

#include "vmm/base/scanout.h"
#include "vmm/control/machine_config.h"
#include "vmm/control/machine_state.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::control {

// The control protocol's messages (README.md is its reference). A request is a struct with its
// method's name, the states in which it is legal, and its Reply type; an event is a struct with its
// method's name. JSON conversion is in message_json.h. Field names on the wire are these.

constexpr int kProtocolVersion = 1;
constexpr size_t kMaxMessageBytes = 1 << 20; // one line, newline included
constexpr int kMaxDescriptors = 253;         // beside one message; unix(7), SCM_RIGHTS

// A set of machine states, for Request::kLegalIn.
struct StateSet {
    uint32_t bits;
    constexpr bool contains(MachineState state) const {
        return (bits >> static_cast<unsigned>(state)) & 1;
    }
};
constexpr StateSet states(std::initializer_list<MachineState> list) {
    StateSet set{0};
    for (MachineState state : list)
        set.bits |= 1u << static_cast<unsigned>(state);
    return set;
}
constexpr StateSet kAnyState{~0u};
constexpr StateSet kUnbuilt = states({MachineState::PoweredOff});
// The machine exists: its screen, its devices and its media can be used.
constexpr StateSet kBuilt = states(
    {MachineState::Starting, MachineState::Running, MachineState::Paused, MachineState::Stopping});
constexpr StateSet kRunning = states({MachineState::Running, MachineState::Stopping});

struct Empty {};

// --- Requests --------------------------------------------------------------------------------

// First request of the launching client; descriptors beside it are the ones the config names.
// Builds the machine (not started). Errors: InvalidArgument, Unavailable (KVM), NoSpace, ...
struct Configure {
    static constexpr std::string_view kMethod = "configure";
    static constexpr StateSet kLegalIn = kUnbuilt;
    using Reply = Empty;
    MachineConfig config;
};
struct Start { // enters the guest; once
    static constexpr std::string_view kMethod = "start";
    static constexpr StateSet kLegalIn = kUnbuilt;
    using Reply = Empty;
    bool paused = false; // start, but wait in Paused before the first instruction
};
struct Pause {
    static constexpr std::string_view kMethod = "pause";
    static constexpr StateSet kLegalIn = kBuilt; // pausing a paused machine does nothing
    using Reply = Empty;
};
struct Resume { // retries stalled disk requests; refused after InternalError until reset
    static constexpr std::string_view kMethod = "resume";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
};
struct Reset {
    static constexpr std::string_view kMethod = "reset";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
};
// ACPI power button: asks the guest to shut down. Error WrongState: nothing in the guest listens.
struct PowerButton {
    static constexpr std::string_view kMethod = "powerButton";
    static constexpr StateSet kLegalIn = kRunning;
    using Reply = Empty;
};
struct PowerOff { // cuts the power; the reply comes before the worker exits
    static constexpr std::string_view kMethod = "powerOff";
    static constexpr StateSet kLegalIn = kAnyState;
    using Reply = Empty;
};

struct DriveStatus {
    std::string id;
    DriveKind kind = DriveKind::Disk;
    std::string mediumName; // empty: no medium
    bool locked = false;    // the guest has locked the tray
    uint64_t sizeBytes = 0; // of the medium as the guest sees it; 0: no medium
    uint64_t readBytes = 0, writtenBytes = 0;
    uint64_t readRequests = 0, writeRequests = 0;
};
struct StatusReply {
    MachineState state = MachineState::PoweredOff;
    StopReason reason = StopReason::None;
    std::string detail;
    std::string accelerator;       // "kvm" or "software"; empty before configure
    std::string acceleratorReason; // why this one, an English sentence
    std::string version;           // of the worker
    int64_t pid = 0;
    uint32_t cpuCount = 0;
    uint64_t memoryBytes = 0;
    uint64_t uptimeMs = 0;           // guest time since start
    uint64_t firstInstructionNs = 0; // CLOCK_MONOTONIC when vCPU 0 was first entered; 0: not yet
    uint64_t exitCount = 0;          // vCPU exits handled by the worker
    std::vector<DriveStatus> drives;
    bool absolutePointer = false;
    uint32_t vncClients = 0;
};
struct Status {
    static constexpr std::string_view kMethod = "status";
    static constexpr StateSet kLegalIn = kAnyState;
    using Reply = StatusReply;
};

enum class KeyAction : uint8_t { Press /* down in order, up in reverse */, Down, Up };
struct Key {
    static constexpr std::string_view kMethod = "key";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    std::vector<std::string> keys; // names (vmm/base/key_codes.h), 1..16
    KeyAction action = KeyAction::Press;
    uint32_t holdMs = 50; // Press: how long, 0..10000; the reply comes after the release
};
struct PointerRelative {
    static constexpr std::string_view kMethod = "pointerRelative";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    int32_t dx = 0, dy = 0, wheel = 0;
    uint8_t buttons = 0; // 1 left, 2 right, 4 middle
};
struct PointerAbsolute {
    static constexpr std::string_view kMethod = "pointerAbsolute";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    uint16_t x = 0, y = 0; // 0..32767
    int32_t wheel = 0;
    uint8_t buttons = 0;
};
struct TypeTextReply {
    std::string skipped; // characters that are not on the keyboard
};
struct TypeText { // replies when all is typed; one at a time
    static constexpr std::string_view kMethod = "typeText";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = TypeTextReply;
    std::string text;      // UTF-8, at most 64 KiB
    uint32_t delayMs = 15; // between strokes, 0..1000
};
struct CancelTyping {
    static constexpr std::string_view kMethod = "cancelTyping";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
};
struct ScreenshotReply { // one descriptor beside it: a memfd with the PNG
    uint32_t width = 0, height = 0;
    uint64_t sizeBytes = 0;
};
struct Screenshot {
    static constexpr std::string_view kMethod = "screenshot";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = ScreenshotReply;
};
struct ScreenTextReply {
    bool textMode = false; // false: the guest shows graphics, nothing else is set
    uint32_t columns = 0, rows = 0;
    std::vector<std::string> lines;
    bool cursorVisible = false;
    uint32_t cursorColumn = 0, cursorRow = 0;
};
struct ScreenText {
    static constexpr std::string_view kMethod = "screenText";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = ScreenTextReply;
};
struct ChangeMedium { // Busy when the guest has locked the tray and force is false
    static constexpr std::string_view kMethod = "changeMedium";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    std::string drive;
    int imageFd = -1; // index of the descriptor beside the request; -1 ejects
    std::string mediumName;
    bool force = false;
};
// Plugs a drive into a free SATA port; the guest sees it come. Errors: InvalidArgument (another
// bus, a taken port or id), Busy during a snapshot, merge or fork, and what opening the images
// reports.
struct AttachDrive {
    static constexpr std::string_view kMethod = "attachDrive";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    DriveConfig drive;
};
// Pulls a SATA drive out, as if its cable was. Replies when its files are flushed and closed; what
// the guest had not written yet is lost to it. Errors: NotFound, Unsupported (virtio and NVMe disks
// stay), Busy as above or while the guest has locked the tray and force is false.
struct DetachDrive {
    static constexpr std::string_view kMethod = "detachDrive";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    std::string drive;
    bool force = false;
};
// Makes a disk larger and tells the guest. Errors: NotFound, InvalidArgument (smaller, or not a
// multiple of 512), PermissionDenied (read-only), Busy as above, NoSpace.
struct ResizeDrive {
    static constexpr std::string_view kMethod = "resizeDrive";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    std::string drive;
    uint64_t sizeBytes = 0;
};
struct AttachSerial { // the reply has one descriptor: a stream socket with history, then live data
    static constexpr std::string_view kMethod = "attachSerial";
    static constexpr StateSet kLegalIn = kBuilt;
    using Reply = Empty;
    uint32_t port = 0;
};
struct Subscribe { // replaces the earlier set; without "display" no pictures are made for a client
    static constexpr std::string_view kMethod = "subscribe";
    static constexpr StateSet kLegalIn = kAnyState;
    using Reply = Empty;
    bool display = false;  // Scanout, Damage
    bool activity = false; // Activity, when counters changed, at most twice a second
};

// --- Snapshots, layers, forks (vmm/snapshot/README.md). One of them at a time a machine, else
// Busy.

// The new top layer of a disk: an empty file, open read-write, which the worker formats.
struct OverlayConfig {
    std::string drive;
    int fd = -1;
    std::string backingName; // what its header says of the layer below
    DiskFormat backingFormat = DiskFormat::Raw;
};
struct TakeSnapshotReply {
    uint64_t pausedNs = 0;        // how long the guest stood still
    uint64_t writtenRamBytes = 0; // into the new memory file
};
// Saves the machine as it is now. Replies when every file is on the medium; JobProgress comes
// before (job "snapshot"). On failure and cancellation the guest goes on; overlay files are then
// empty where the disks have not got them, else they are the disks' top layers from now on.
struct TakeSnapshot {
    static constexpr std::string_view kMethod = "takeSnapshot";
    static constexpr StateSet kLegalIn = states({MachineState::Running, MachineState::Paused});
    using Reply = TakeSnapshotReply;
    int stateFd = -1; // empty files, open read-write
    int ramFd = -1;
    int ramIndexFd = -1;
    RamImageConfig parentRam;            // pages that are equal there are not written again
    std::vector<OverlayConfig> overlays; // of the disks whose layer is to be kept
    // The guest stops for good and the worker ends with StopReason::Saved after the reply.
    bool thenPowerOff = false;
};

enum class MergeKind : uint8_t {
    Commit, // layer `upper` goes into the one below it, and away
    Stream, // the layer below `upper` goes into `upper`, and away
};
// Takes one layer out of a disk's chain while the guest goes on. Replies when it is gone from the
// chain; the file is then the caller's to delete. Job "merge".
struct MergeLayers {
    static constexpr std::string_view kMethod = "mergeLayers";
    static constexpr StateSet kLegalIn = states({MachineState::Running, MachineState::Paused});
    using Reply = Empty;
    std::string drive;
    MergeKind kind = MergeKind::Commit;
    uint32_t upper = 1;      // counted from the base, 0
    int targetFd = -1;       // the layer that is written to, open read-write
    int aboveFd = -1;        // Commit below the top: the layer above `upper`, open read-write
    std::string backingName; // what the remaining upper neighbour's header will say; "": nothing
    DiskFormat backingFormat = DiskFormat::Raw;
};
struct CancelJob { // the job's own request then fails with Cancelled; no effect without a job
    static constexpr std::string_view kMethod = "cancelJob";
    static constexpr StateSet kLegalIn = kAnyState;
    using Reply = Empty;
};

// A copy of the running machine, which gets a worker of its own.
struct CloneConfig {
    MachineConfig config; // identity, files and sockets of the copy; the hardware must be the same
    // Which of the config's files are new top layers and get formatted: `fd` as in the drive.
    std::vector<OverlayConfig> overlays;
    int controlFd = -1; // the launcher's connection to the new worker
    int logFd = -1;     // the new worker's standard error; -1: this one's
};
struct ForkReply {
    uint64_t pausedNs = 0;
};
// Copies the machine; each copy goes on from the same instruction and shares memory until it is
// written to. Replies when the copies are on their way; each says hello on its own connection.
struct Fork {
    static constexpr std::string_view kMethod = "fork";
    static constexpr StateSet kLegalIn = states({MachineState::Running, MachineState::Paused});
    using Reply = ForkReply;
    std::vector<OverlayConfig> overlays; // of this machine
    std::vector<CloneConfig> clones;     // 1..64
};

// --- Events (notifications without id). State, GuestReset, Leds, PointerMode, Ejected,
// JobProgress,
// --- Exiting go to every client, the others to those that subscribed.
// -----------------------------------

// Sent to every client when it connects.
struct Hello {
    static constexpr std::string_view kMethod = "hello";
    int protocol = kProtocolVersion;
    std::string version;
    std::string machineId; // empty before configure
    std::string machineName;
    MachineState state = MachineState::PoweredOff;
};
struct StateChanged {
    static constexpr std::string_view kMethod = "state";
    MachineState state = MachineState::PoweredOff;
    StopReason reason = StopReason::None;
    std::string detail; // English, may have several lines
};
struct ScanoutChanged { // one descriptor: the memfd, mapped read-only
    static constexpr std::string_view kMethod = "scanout";
    ScanoutInfo info;
};
struct Damage { // merged for a client that is slow to read
    static constexpr std::string_view kMethod = "damage";
    uint64_t generation = 0; // of the scanout it belongs to
    std::vector<Rect> rectangles;
};
struct GuestReset {
    static constexpr std::string_view kMethod = "guestReset";
    std::string
        cause; // "user", "acpi", "port-cf9", "port-92", "keyboard-controller", "triple-fault"
};
struct LedsChanged {
    static constexpr std::string_view kMethod = "leds";
    bool scrollLock = false, numLock = false, capsLock = false;
};
struct PointerModeChanged {
    static constexpr std::string_view kMethod = "pointerMode";
    bool absolute = false;
};
struct MediumEjected { // by the guest
    static constexpr std::string_view kMethod = "ejected";
    std::string drive;
};
struct Activity {
    static constexpr std::string_view kMethod = "activity";
    std::vector<DriveStatus> drives;
};
struct JobProgress { // to every client, at most ten times a second
    static constexpr std::string_view kMethod = "jobProgress";
    std::string job; // "snapshot" or "merge"
    uint64_t doneBytes = 0, totalBytes = 0;
};
struct Exiting { // the last message; the worker ends
    static constexpr std::string_view kMethod = "exiting";
    StopReason reason = StopReason::User;
    int guestExitValue = -1; // byte written to the exit device
    std::string detail;
};

} // namespace vivarium::control
