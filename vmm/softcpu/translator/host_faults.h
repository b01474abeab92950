#pragma once

namespace vivarium::softcpu {

// Faults that the host's processor raises in translated code: divide errors, x87 and SSE
// exceptions, misaligned vector operands, instructions that the host lacks. The guest instruction
// did nothing yet, so its registers are exact; the interpreter repeats it and raises the guest's
// exception. Likewise an instruction in the interpreter's native unit that the host lacks.
class HostFaults {
public:
    // Signal handlers for the process, once; faults elsewhere go to the handlers before.
    static void install();

private:
    static bool handle(void* signalContext);
    static void onSignal(int number, void* information, void* signalContext);
};

} // namespace vivarium::softcpu
