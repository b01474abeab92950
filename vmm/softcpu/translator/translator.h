#pragma once

#include "vmm/base/result.h"
#include "vmm/softcpu/executor.h"
#include "vmm/softcpu/interpreter/interpreter.h"
#include "vmm/softcpu/memory/soft_mmu.h"
#include "vmm/softcpu/translator/block_index.h"
#include "vmm/softcpu/translator/code_coherence.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::softcpu {

// Runs a vCPU by translating its code into host code, with the interpreter for what that does not
// cover. One per vCPU, used by its thread. Becomes the SoftMmu's code write listener.
class Translator final : public Executor, private CodeWriteListener {
public:
    struct Options {
        size_t codeBytes = size_t{32} << 20; // of the code cache; full: everything is forgotten
    };
    // The part that needs system calls: to be called before the sandbox closes. Errors: Unsupported
    // (the host lacks BMI2 or XSAVE, or cannot set the GS base), the host's (memfd).
    static Result<std::unique_ptr<CodeCache>> reserveCache(Options options);
    static Result<std::vector<std::unique_ptr<CodeCache>>> reserveCaches(Options options,
                                                                         unsigned count);
    // `cache` from reserveCache(). The references outlive the translator.
    Translator(CpuState& state, SoftMmu& mmu, Interpreter& interpreter, CodeCoherence& coherence,
               std::unique_ptr<CodeCache> cache);
    ~Translator() override;

    std::string_view name() const override { return "translator"; }
    ExecutorExit run() override;
    std::string_view errorText() const override { return {}; }
    void invalidateAll() override;
    void requestCodeInvalidation(GuestAddress address, uint64_t sizeBytes) override;

    // For code made from now on, instead of what is quick on this host.
    void setMissTest(MissTest test) { m_data.missTest = test; }

    struct Statistics {
        uint64_t blocks = 0;   // translated
        uint64_t flushes = 0;  // of the full cache
        uint64_t steps = 0;    // interpreted
        uint64_t entries = 0;  // into translated code
        uint64_t fills = 0;    // slow paths of the inline TLB
        uint64_t removals = 0; // blocks whose code was overwritten
    };
    const Statistics& statistics() const { return m_statistics; }

private:
    friend class HostFaults;
    static constexpr bool canonical(uint64_t linear) {
        return static_cast<uint64_t>(static_cast<int64_t>(linear << 16) >> 16) == linear;
    }
    struct Context { // a jump cache's
        uint32_t modeKey = 0;
        uint32_t codeLimit = 0;
        bool used = false;
    };

    void codeWritten(GuestAddress address, unsigned sizeBytes) override;
    static uint64_t fillHelper(TranslatorData* data);
    enum class FillFaults { Deliver, Leave /* to the interpreter */ };
    bool fill(uint64_t linear, AccessKind kind, unsigned sizeBytes, FillFaults faults);
    bool deliverPageFault(); // m_pageFault; false: the vCPU is no longer running

    ExecutorExit loop();
    bool needsInterpreter() const;
    bool interpretOne(); // false: the vCPU is no longer running
    CodeExit execute(const uint8_t* code);
    const uint8_t* findCode();
    std::optional<GuestAddress> enterPage(uint64_t linear, TlbMode fetchMode);
    const uint8_t* linkedCode(const BlockKey& key, uint64_t linear);
    Block* translate(const BlockKey& key, uint64_t linear, TlbMode fetchMode);
    BlockKey presentKey() const;
    unsigned contextFor(const BlockKey& key);
    JumpEntry& jumpEntry(const BlockKey& key);
    void connectPending(Block& target, uint64_t linear);
    void serve(const CodeCoherence::Requests& requests);
    void removeCode(GuestAddress address, uint64_t sizeBytes);
    void dropJump(const Block& block);
    void forgetBlocks();
    // For a host fault at `hostAddress`: the RIP of the guest instruction, if it is ours.
    bool guestRipOf(const void* hostAddress, uint64_t& rip) const;

    CpuState& m_state;
    SoftMmu& m_mmu;
    Interpreter& m_interpreter;
    CodeCoherence& m_coherence;
    CodeCoherence::Member m_member;
    std::unique_ptr<CodeCache> m_cache;
    TranslatorData& m_data;
    Thunks m_thunks;
    BlockIndex m_index;
    BlockTranslator m_blockTranslator;
    Context m_contexts[kJumpContexts];
    PageFault m_pageFault{};
    uint32_t m_verifyRound = 1;
    bool m_linkPending = false;
    uint32_t m_pendingLink = 0;
    Statistics m_statistics;
};

} // namespace vivarium::softcpu
