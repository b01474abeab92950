// Guests made of accidents, in every mode: whatever they do, nothing outside their memory is
// touched (a fault of the host's, or ASan, tells), the translator comes back, and did what the
// interpreter does.

#include "vmm/softcpu/translator/hostile_run.h"

#include <cstdio>
#include <cstdlib>

using namespace vivarium;
using namespace vivarium::softcpu::test;

// The seed of everything, then code.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    uint64_t seed = 0;
    if (size < sizeof seed)
        return 0;
    std::memcpy(&seed, data, sizeof seed);
    static HostileRun runs;
    HostileGuest guest(seed, ConstByteSpan(data + sizeof seed, size - sizeof seed));
    if (runs.run(guest) == HostileRun::Verdict::Different) {
        std::fprintf(stderr, "translated/interpreted (%s):%s\n", guest.modeName().c_str(),
                     runs.difference().c_str());
        std::abort();
    }
    return 0;
}
