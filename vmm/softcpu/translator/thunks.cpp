#include "vmm/softcpu/translator/thunks.h"

#include "vmm/softcpu/translator/register_map.h"

namespace vivarium::softcpu {

namespace {

constexpr HostRegister kCalleeSaved[] = {kHostRbx, kHostRbp, kHostR12,
                                         kHostR13, kHostR14, kHostR15};

class ThunkWriter {
public:
    ThunkWriter(CodeCache& cache, TranslatorData& data) : m_code(cache), m_data(data) {}

    size_t enter() {
        size_t start = m_code.offset();
        for (HostRegister reg : kCalleeSaved)
            pushPop(0x50, reg);
        m_code.store(dataField(&m_data.hostStack), kHostRsp);
        m_code.legacy(0, Width::Bits64, {0x83}, 4, kHostRsp); // AND RSP, -kStackAlignment
        m_code.byte(static_cast<uint8_t>(-kStackAlignment));
        m_code.lea(kHostRsp, baseAnd(kHostRsp, kStackRemainder - kStackAlignment));
        m_code.store(dataField(&m_data.entryTarget), kHostRdi);
        restoreFlagsAndRegisters();
        m_code.jump(dataField(&m_data.entryTarget));
        return start;
    }

    size_t exit() {
        size_t start = m_code.offset();
        m_code.store(stateField(offsetof(CpuState, rip)), kAddress);
        m_code.store(dataField(&m_data.exitReason), kScratch, Width::Bits32);
        m_code.store(dataField(&m_data.exitArgument), kAddend);
        saveRegistersAndFlags();
        m_code.load(kScratch, dataField(&m_data.simdUnloaded), Width::Bits32);
        saveSimdIfRcxZero();
        m_tail = m_code.offset();
        m_code.load(kHostRsp, dataField(&m_data.hostStack));
        for (size_t i = std::size(kCalleeSaved); i-- > 0;)
            pushPop(0x58, kCalleeSaved[i]);
        m_code.byte(0xC3);
        return start;
    }

    // After exit(): leaves through its tail.
    size_t fill() {
        size_t start = m_code.offset();
        m_code.store(dataField(&m_data.slowArgument), kScratch, Width::Bits32);
        m_code.store(dataField(&m_data.slowLinear), kAddress);
        m_code.store(dataField(&m_data.slowRip), kAddend);
        saveRegistersAndFlags();
        m_code.load(kScratch, dataField(&m_data.simdUnloaded), Width::Bits32);
        m_code.store(dataField(&m_data.simdWasUnloaded), kScratch, Width::Bits32);
        saveSimdIfRcxZero();
        // The return address lies at kStackRemainder - 8.
        constexpr int32_t kToAligned = 8 - kStackRemainder;
        m_code.lea(kHostRsp, baseAnd(kHostRsp, kToAligned));
        m_code.lea(kHostRdi, dataField(&m_data));
        m_code.legacy(0, Width::Bits32, {0xFF}, 2,
                      dataField(reinterpret_cast<const void*>(&m_data.fillHelper))); // CALL
        m_code.lea(kHostRsp, baseAnd(kHostRsp, -kToAligned));
        m_code.move(kScratch, kHostRax);
        JumpSite filled = m_code.jumpUnlessRcxZero();
        m_code.load(kHostRax, dataField(&m_data.slowRip));
        m_code.store(stateField(offsetof(CpuState, rip)), kHostRax);
        m_code.jump(m_code.cache().executable(m_tail));
        m_code.bind(filled);
        m_code.load(kScratch, dataField(&m_data.simdWasUnloaded), Width::Bits32);
        JumpSite keep = m_code.jumpUnlessRcxZero();
        m_code.call(m_code.cache().executable(m_loadSimd));
        m_code.bind(keep);
        restoreFlagsAndRegisters();
        m_code.load(kAddress, dataField(&m_data.slowLinear));
        m_code.byte(0xC3);
        return start;
    }

    size_t loadSimd() {
        m_loadSimd = m_code.offset();
        m_code.move(kAddress, kHostRax);
        m_code.move(kAddend, kHostRdx);
        m_code.load(kHostRax, dataField(&m_data.simdMask), Width::Bits32);
        m_code.loadImmediate(kHostRdx, 0);
        m_code.legacy(0, Width::Bits64, {0x0F, 0xAE}, 5, stateField(offsetof(CpuState, xsave)));
        m_code.storeImmediate(dataField(&m_data.simdUnloaded), 0, Width::Bits32);
        m_code.move(kHostRax, kAddress);
        m_code.move(kHostRdx, kAddend);
        m_code.byte(0xC3);
        return m_loadSimd;
    }

    void finish() {
        m_code.cache().commit(m_code.offset() - m_code.startOffset());
        m_code.cache().pin();
    }

private:
    void pushPop(unsigned opcode, HostRegister reg) {
        if (reg >= 8)
            m_code.byte(0x41);
        m_code.byte(opcode | (reg & 7));
    }

    // Into the CpuState and TranslatorData::flags. Afterwards RAX and RDX are free.
    void saveRegistersAndFlags() {
        for (unsigned guest = 0; guest < 16; ++guest)
            if (kHomes[guest] != kHostNone)
                m_code.store(gprField(guest), kHomes[guest]);
        m_code.byte(0x9F);                                         // LAHF
        m_code.legacy(0, Width::Bits8, {0x0F, 0x90}, 0, kHostRax); // SETO AL
        m_code.store(dataField(&m_data.flags), kHostRax, Width::Bits16);
    }

    void restoreFlagsAndRegisters() {
        m_code.loadZeroExtended(kHostRax, dataField(&m_data.flags), Width::Bits16);
        m_code.byte(0x04); // ADD AL, 127 overflows when AL is 1
        m_code.byte(0x7F);
        m_code.byte(0x9E); // SAHF leaves OF alone
        for (unsigned guest = 0; guest < 16; ++guest)
            if (kHomes[guest] != kHostNone)
                m_code.load(kHomes[guest], gprField(guest));
    }

    // C++ code expects the control words of the ABI and an empty x87 stack.
    void saveSimdIfRcxZero() {
        JumpSite skip = m_code.jumpUnlessRcxZero();
        m_code.load(kHostRax, dataField(&m_data.simdMask), Width::Bits32);
        m_code.loadImmediate(kHostRdx, 0);
        m_code.legacy(0, Width::Bits64, {0x0F, 0xAE}, 4, stateField(offsetof(CpuState, xsave)));
        m_code.storeImmediate(dataField(&m_data.simdUnloaded), 1, Width::Bits32);
        m_code.storeImmediate(dataField(&m_data.simdSaved), 1, Width::Bits32);
        m_code.byte(0xDB); // FNINIT
        m_code.byte(0xE3);
        m_code.legacy(0, Width::Bits32, {0x0F, 0xAE}, 2, dataField(&m_data.hostMxcsr)); // LDMXCSR
        m_code.bind(skip);
    }

    Emitter m_code;
    TranslatorData& m_data;
    size_t m_tail = 0;
    size_t m_loadSimd = 0;
};

} // namespace

Thunks emitThunks(CodeCache& cache, TranslatorData& data) {
    ThunkWriter writer(cache, data);
    Thunks thunks;
    thunks.enter = reinterpret_cast<void (*)(const void*)>(cache.executable(writer.enter()));
    thunks.exit = cache.executable(writer.exit());
    thunks.loadSimd = cache.executable(writer.loadSimd());
    thunks.fill = cache.executable(writer.fill());
    writer.finish();
    return thunks;
}

} // namespace vivarium::softcpu
