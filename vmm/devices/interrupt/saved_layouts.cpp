#include "vmm/devices/interrupt/saved_layouts.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cstring>

#include <linux/kvm.h>

namespace vivarium {

namespace {

constexpr uint32_t kPitWordHigh = 4; // kvm_pit_channel_state: the high byte of a word comes next
constexpr size_t kOwedTicksSlot = Pit::kChannels; // after the channels' held ticks
// Places in the APIC's page that no register has.
constexpr size_t kErrorsSlot = 0x290 >> 4, kElapsedLowSlot = 0x3A0 >> 4,
                 kElapsedHighSlot = 0x3B0 >> 4;
constexpr unsigned kOwedTicksShift = 8; // beside the errors
constexpr size_t kInitialCountSlot = 0x380 >> 4, kCurrentCountSlot = 0x390 >> 4,
                 kDivideSlot = 0x3E0 >> 4;
constexpr size_t kRegisterStride = 16;

template <class Struct>
std::vector<uint8_t> bytesOf(const Struct& value) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    return {bytes, bytes + sizeof value};
}

template <class Struct>
Result<Struct> structOf(const std::vector<uint8_t>& bytes) {
    if (bytes.size() != sizeof(Struct))
        return fail(ErrorCode::Corrupt, "saved state: a chip has a wrong size");
    Struct value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

} // namespace

std::vector<uint8_t> packPic(const PicPair::Chip& chip, unsigned index) {
    kvm_irqchip packed{};
    packed.chip_id = index == 0 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
    kvm_pic_state& pic = packed.chip.pic;
    pic.last_irr = chip.lines;
    pic.irr = chip.requests;
    pic.imr = chip.mask;
    pic.isr = chip.inService;
    pic.priority_add = chip.highestPriority;
    pic.irq_base = chip.vectorBase;
    pic.read_reg_select = chip.readsInService;
    pic.poll = chip.poll;
    pic.special_mask = chip.specialMask;
    pic.init_state = chip.initStep;
    pic.auto_eoi = chip.autoEoi;
    pic.rotate_on_auto_eoi = chip.rotateOnAutoEoi;
    pic.special_fully_nested_mode = chip.specialFullyNested;
    pic.init4 = chip.needsIcw4;
    pic.elcr = chip.levelInputs;
    pic.elcr_mask = index == 0 ? 0xF8 : 0xDE;
    return bytesOf(packed);
}

Result<PicPair::Chip> unpackPic(const std::vector<uint8_t>& bytes) {
    const auto packed = TRY(structOf<kvm_irqchip>(bytes));
    const kvm_pic_state& pic = packed.chip.pic;
    PicPair::Chip chip;
    chip.lines = pic.last_irr;
    chip.requests = pic.irr;
    chip.mask = pic.imr;
    chip.inService = pic.isr;
    chip.highestPriority = pic.priority_add;
    chip.vectorBase = pic.irq_base;
    chip.readsInService = pic.read_reg_select;
    chip.poll = pic.poll;
    chip.specialMask = pic.special_mask;
    chip.initStep = pic.init_state;
    chip.autoEoi = pic.auto_eoi;
    chip.rotateOnAutoEoi = pic.rotate_on_auto_eoi;
    chip.specialFullyNested = pic.special_fully_nested_mode;
    chip.needsIcw4 = pic.init4;
    chip.levelInputs = pic.elcr;
    return chip;
}

std::vector<uint8_t> packIoApic(const IoApic::State& state) {
    kvm_irqchip packed{};
    packed.chip_id = KVM_IRQCHIP_IOAPIC;
    kvm_ioapic_state& chip = packed.chip.ioapic;
    chip.base_address = IoApic::kDefaultBase;
    chip.ioregsel = state.selected;
    chip.id = state.id >> 24;
    chip.irr = state.lines;
    for (size_t i = 0; i < state.entries.size(); ++i)
        chip.redirtbl[i].bits = state.entries[i];
    return bytesOf(packed);
}

Result<IoApic::State> unpackIoApic(const std::vector<uint8_t>& bytes) {
    const auto packed = TRY(structOf<kvm_irqchip>(bytes));
    const kvm_ioapic_state& chip = packed.chip.ioapic;
    IoApic::State state;
    state.selected = chip.ioregsel;
    state.id = chip.id << 24;
    state.lines = chip.irr;
    for (size_t i = 0; i < state.entries.size(); ++i)
        state.entries[i] = chip.redirtbl[i].bits;
    return state;
}

std::vector<uint8_t> packPit(const Pit::State& state, uint32_t owedTicks) {
    kvm_pit_state2 packed{};
    for (size_t i = 0; i < Pit::kChannels; ++i) {
        const Pit::Channel& from = state.channels[i];
        kvm_pit_channel_state& to = packed.channels[i];
        to.count = from.count;
        to.latched_count = from.latchedCount;
        to.count_latched = from.latchStep;
        to.status_latched = from.statusLatched;
        to.status = from.status;
        to.read_state = from.readStep ? kPitWordHigh : from.access;
        to.write_state = from.writeStep ? kPitWordHigh : from.access;
        to.write_latch = from.writeLatch;
        to.rw_mode = from.access;
        to.mode = from.mode;
        to.bcd = from.bcd;
        to.gate = from.gate;
        to.count_load_time = static_cast<int64_t>(from.loadTimeNs);
        packed.reserved[i] = static_cast<uint32_t>(from.heldTicks);
    }
    packed.reserved[kOwedTicksSlot] = owedTicks;
    packed.flags = (state.disconnected ? KVM_PIT_FLAGS_HPET_LEGACY : 0u) |
                   (state.speaker ? KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0u);
    return bytesOf(packed);
}

Result<Pit::State> unpackPit(const std::vector<uint8_t>& bytes) {
    const auto packed = TRY(structOf<kvm_pit_state2>(bytes));
    Pit::State state;
    for (size_t i = 0; i < Pit::kChannels; ++i) {
        const kvm_pit_channel_state& from = packed.channels[i];
        Pit::Channel& to = state.channels[i];
        to.count = from.count;
        to.latchedCount = from.latched_count;
        to.latchStep = from.count_latched;
        to.statusLatched = from.status_latched != 0;
        to.status = from.status;
        to.readStep = from.read_state == kPitWordHigh;
        to.writeStep = from.write_state == kPitWordHigh;
        to.writeLatch = from.write_latch;
        to.access = from.rw_mode;
        to.mode = from.mode;
        to.bcd = from.bcd != 0;
        to.gate = from.gate != 0;
        to.loadTimeNs = static_cast<uint64_t>(from.count_load_time);
        to.heldTicks = packed.reserved[i];
    }
    state.disconnected = packed.flags & KVM_PIT_FLAGS_HPET_LEGACY;
    state.speaker = packed.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
    return state;
}

Result<uint32_t> unpackOwedTicks(const std::vector<uint8_t>& bytes) {
    return TRY(structOf<kvm_pit_state2>(bytes)).reserved[kOwedTicksSlot];
}

std::vector<uint8_t> packLocalApic(const LocalApic::State& state, uint64_t nowNs) {
    std::vector<uint8_t> bytes(sizeof(kvm_lapic_state));
    auto registers = state.registers;
    registers[kErrorsSlot] = state.errors | state.owedTicks << kOwedTicksShift;
    const bool counts = state.timerStartNs != 0;
    const uint64_t elapsed = counts && nowNs > state.timerStartNs ? nowNs - state.timerStartNs : 0;
    registers[kElapsedLowSlot] = static_cast<uint32_t>(elapsed);
    registers[kElapsedHighSlot] = static_cast<uint32_t>(elapsed >> 32);
    const uint32_t code = (registers[kDivideSlot] & 3) | (registers[kDivideSlot] >> 1 & 4);
    const uint64_t done = elapsed >> ((code + 1) & 7);
    const uint32_t initial = registers[kInitialCountSlot];
    // A running countdown shows at least 1, so that it is seen to run.
    registers[kCurrentCountSlot] =
        counts ? std::max<uint32_t>(initial > done ? static_cast<uint32_t>(initial - done) : 1, 1)
               : 0;
    for (size_t i = 0; i < registers.size(); ++i)
        storeLe<uint32_t>(bytes.data() + i * kRegisterStride, registers[i]);
    return bytes;
}

Result<void> unpackLocalApic(const std::vector<uint8_t>& bytes, uint64_t nowNs,
                             LocalApic::State& state) {
    if (bytes.size() != sizeof(kvm_lapic_state))
        return fail(ErrorCode::Corrupt, "saved state: a local APIC has a wrong size");
    for (size_t i = 0; i < state.registers.size(); ++i)
        state.registers[i] = loadLe<uint32_t>(bytes.data() + i * kRegisterStride);
    auto& registers = state.registers;
    state.errors = registers[kErrorsSlot] & 0xFF;
    state.owedTicks = std::min(registers[kErrorsSlot] >> kOwedTicksShift, LocalApic::kMaxOwedTicks);
    uint64_t elapsed = registers[kElapsedLowSlot] | uint64_t{registers[kElapsedHighSlot]} << 32;
    const uint32_t initial = registers[kInitialCountSlot];
    const uint32_t current = registers[kCurrentCountSlot];
    if (elapsed == 0 && current < initial) { // the kernel has written it
        const uint32_t code = (registers[kDivideSlot] & 3) | (registers[kDivideSlot] >> 1 & 4);
        elapsed = uint64_t{initial - current} << ((code + 1) & 7);
    }
    const bool counts = initial != 0 && current != 0;
    state.timerStartNs = counts ? std::max<uint64_t>(nowNs > elapsed ? nowNs - elapsed : 1, 1) : 0;
    for (size_t slot : {kErrorsSlot, kElapsedLowSlot, kElapsedHighSlot, kCurrentCountSlot})
        registers[slot] = 0;
    return {};
}

} // namespace vivarium
