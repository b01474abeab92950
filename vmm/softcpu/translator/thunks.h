#pragma once

#include "vmm/softcpu/translator/emitter.h"
#include "vmm/softcpu/translator/translator_data.h"

namespace vivarium::softcpu {

// The fixed pieces of generated code: the way in, the way out, and the slow path of the TLB.
struct Thunks {
    // Runs translated code at the address given until it exits.
    void (*enter)(const void* code) = nullptr;
    // Jumped to with kAddress = guest RIP, kScratch = CodeExit, kAddend = argument.
    const uint8_t* exit = nullptr;
    // Called with kAddress = linear address, kScratch = slowArgument, kAddend = guest RIP of the
    // instruction. Returns to try again, or leaves with CodeExit::Interpret. Keeps kAddress.
    const uint8_t* fill = nullptr;
    // Called when simdUnloaded is not zero. Keeps everything but the scratch registers.
    const uint8_t* loadSimd = nullptr;
};

// Emits them at the start of the cache and pins them there.
Thunks emitThunks(CodeCache& cache, TranslatorData& data);

} // namespace vivarium::softcpu
