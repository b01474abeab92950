#pragma once

namespace vivarium::softcpu {

class Translator;

// What translated code needs of the thread that runs it: the GS base, and a note of whose code it
// is for faults. GS is free in user mode on Linux (thread-local storage is in FS).
class HostThread {
public:
    // Whether the GS base can be set. Asks the kernel once.
    static bool supported();
    // The translator that runs on this thread, or null. Async-signal-safe.
    static Translator* running();

    class Scope {
    public:
        Scope(Translator& translator, void* gsBase);
        ~Scope();
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
    };
};

} // namespace vivarium::softcpu
