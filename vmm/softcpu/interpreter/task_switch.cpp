#include "vmm/softcpu/interpreter/engine.h"

// Hardware task switching (Intel SDM 3A, chapter 8).
namespace vivarium::softcpu {
namespace {

constexpr unsigned kBusy = 2;
constexpr uint32_t kLimit32 = 103, kLimit16 = 43;

// Offsets of a TSS's fields. Segments stand in the hardware's order.
struct Layout {
    unsigned registerBytes;
    unsigned ip, flags, registers, segments, segmentStride, segmentCount, ldt;
};
constexpr Layout kLayout32{4, 32, 36, 40, 72, 4, 6, 96};
constexpr Layout kLayout16{2, 14, 16, 18, 34, 2, 4, 42};

struct NewTask {
    uint64_t ip, flags, registers[8], cr3;
    uint16_t segments[6], ldt;
    bool debugTrap;
};

void saveTask(Engine& e, const Layout& layout, uint64_t ip, uint64_t flags) {
    const uint64_t base = e.state.tr.base;
    e.storeSystem(base + layout.ip, layout.registerBytes, ip);
    e.storeSystem(base + layout.flags, layout.registerBytes, flags);
    for (unsigned i = 0; i < 8; ++i)
        e.storeSystem(base + layout.registers + i * layout.registerBytes, layout.registerBytes,
                      e.state.gpr[i]);
    for (unsigned i = 0; i < layout.segmentCount; ++i)
        e.storeSystem(base + layout.segments + i * layout.segmentStride, 2,
                      e.state.segment[i].selector);
}

NewTask loadTask(Engine& e, const Layout& layout, uint64_t base) {
    NewTask task{};
    task.ip = e.loadSystem(base + layout.ip, layout.registerBytes);
    task.flags = e.loadSystem(base + layout.flags, layout.registerBytes);
    for (unsigned i = 0; i < 8; ++i)
        task.registers[i] =
            e.loadSystem(base + layout.registers + i * layout.registerBytes, layout.registerBytes);
    for (unsigned i = 0; i < layout.segmentCount; ++i)
        task.segments[i] = static_cast<uint16_t>(
            e.loadSystem(base + layout.segments + i * layout.segmentStride, 2));
    task.ldt = static_cast<uint16_t>(e.loadSystem(base + layout.ldt, 2));
    if (layout.registerBytes == 4) {
        task.cr3 = e.loadSystem(base + 28, 4);
        task.debugTrap = e.loadSystem(base + 100, 2) & 1;
    }
    return task;
}

void setBusy(Engine& e, uint64_t descriptorAddress, bool busy) {
    const uint64_t access = e.loadSystem(descriptorAddress + 5, 1);
    e.storeSystem(descriptorAddress + 5, 1, busy ? access | kBusy : access & ~uint64_t{kBusy});
}

// Every failure here belongs to the new task: #TS, #NP or #SS with its selector.
void loadTaskSegments(Engine& e, const NewTask& task) {
    if (e.vm86()) {
        for (unsigned i = 0; i < 6; ++i)
            e.loadRealSegment(i, task.segments[i]);
        return;
    }
    const uint16_t codeSelector = task.segments[kCs];
    const unsigned level = codeSelector & 3;
    if ((codeSelector & 0xFFFC) == 0)
        e.raise(kInvalidTss, e.externalBit);
    const Descriptor code = e.descriptor(codeSelector, kInvalidTss);
    if (!code.isCode() || (code.conforming() ? code.dpl() > level : code.dpl() != level))
        e.raiseSelector(kInvalidTss, codeSelector);
    if (!code.present())
        e.raiseSelector(kSegmentNotPresent, codeSelector);
    e.setCpl(level);
    e.loadStackSegment(task.segments[kSs], level, kInvalidTss);
    e.setCodeSegment(code, level);
    for (const unsigned segment : {kEs, kDs, kFs, kGs}) {
        try {
            e.loadSegment(segment, task.segments[segment]);
        } catch (GuestException& exception) {
            if (exception.vector == kGeneralProtection)
                exception.vector = kInvalidTss;
            throw;
        }
    }
}

} // namespace

void Engine::switchTask(uint16_t selector, TaskSwitch cause, uint64_t returnRip,
                        std::optional<uint32_t> errorCode) {
    const uint8_t badSelector = cause == TaskSwitch::Return ? kInvalidTss : kGeneralProtection;
    if ((selector & 4) || (selector & 0xFFFC) == 0)
        raiseSelector(badSelector, selector);
    const Descriptor found = descriptor(selector, badSelector);
    const unsigned type = found.type() & ~kBusy;
    const bool isBusy = found.type() & kBusy;
    if (!found.system() || (type != 1 && type != 9) || isBusy != (cause == TaskSwitch::Return))
        raiseSelector(badSelector, selector);
    if (!found.present())
        raiseSelector(kSegmentNotPresent, selector);
    const bool new32 = type == 9, old32 = state.tr.attributes & 8;
    if (found.limit() < (new32 ? kLimit32 : kLimit16))
        raiseSelector(kInvalidTss, selector);
    const Layout& newLayout = new32 ? kLayout32 : kLayout16;
    const Layout& oldLayout = old32 ? kLayout32 : kLayout16;

    const bool nested = cause == TaskSwitch::Call || cause == TaskSwitch::Event;
    const uint16_t oldTask = state.tr.selector;
    uint64_t oldFlags = state.rflags;
    if (cause == TaskSwitch::Return)
        oldFlags &= ~kFlagNt;
    NewTask task = loadTask(*this, newLayout, found.base());
    saveTask(*this, oldLayout, returnRip, oldFlags);
    if (!nested)
        setBusy(*this, state.gdtr.base + (oldTask & 0xFFF8), false);
    if (nested)
        storeSystem(found.base(), 2, oldTask);
    if (cause != TaskSwitch::Return)
        setBusy(*this, found.address, true);

    // From here on the new task runs, and faults are its own (Intel SDM 3A, 8.3).
    state.tr = found.hidden();
    state.tr.attributes |= kBusy;
    setCr0(state.cr0 | kCr0Ts);
    if (new32 && (state.cr0 & kCr0Pg) && task.cr3 != state.cr3)
        setCr3(task.cr3);
    for (unsigned i = 0; i < 8; ++i)
        setGpr(i, newLayout.registerBytes, task.registers[i]);
    state.rip = nextRip = task.ip;
    if (nested)
        task.flags |= kFlagNt;
    state.rflags = (task.flags & (kWritableFlags & ~uint64_t{kFlagVif | kFlagVip})) | kFlagFixed;
    state.dr[7] &= ~uint64_t{0x155}; // local breakpoint enables
    for (unsigned i = 0; i < 6; ++i)
        setNullSegment(i, task.segments[i]);
    setCpl(state.rflags & kFlagVm ? 3 : 0);
    state.ldtr = {.selector = task.ldt};
    commitProgress();
    suppressTrap = true;

    if ((task.ldt & 0xFFFC) != 0) {
        const auto table = (task.ldt & 4) ? std::nullopt : findDescriptor(task.ldt);
        if (!table || !table->system() || table->type() != 2 || !table->present())
            raiseSelector(kInvalidTss, task.ldt);
        state.ldtr = table->hidden();
    }
    loadTaskSegments(*this, task);
    require(nextRip <= state.segment[kCs].limit, kGeneralProtection, externalBit);
    if (errorCode)
        push(*errorCode, newLayout.registerBytes);
    if (task.debugTrap)
        state.pendingDebug |= 1 << 15; // BT
    modeChanged();
}

} // namespace vivarium::softcpu
