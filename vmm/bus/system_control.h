#pragma once

namespace vivarium {

enum class ResetCause { AcpiResetRegister, Port0xCf9, Port92, KeyboardController, TripleFault, User };

// What a chipset device asks of the whole machine. Asynchronous: the request is noted and carried
// out once the vCPUs have left their exits. Any thread, may be called with the device lock held.
class SystemControl {
public:
    virtual ~SystemControl() = default;
    virtual void requestReset(ResetCause cause) = 0;
    virtual void requestPowerOff() = 0; // ACPI S5
    virtual void requestExit(unsigned char value) = 0; // test exit device, value written by guest
};

} // namespace vivarium
