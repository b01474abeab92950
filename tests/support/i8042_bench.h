#pragma once

#include "vmm/devices/input/i8042.h"

#include "tests/support/device_test_doubles.h"

#include <QByteArray>
#include <QString>

#include <linux/input-event-codes.h>

namespace vivarium::test {

// A controller as firmware sees it: commands by port, bytes read until none is left.
struct I8042Bench : DeviceBench {
    InputRouter router;
    std::unique_ptr<I8042> device;

    I8042Bench() { device = std::move(*I8042::create(ports, interrupts, timers, system, router)); }

    void command(uint8_t value) { ports.write(0x64, 1, value); }
    void command(uint8_t value, uint8_t data) {
        command(value);
        ports.write(0x60, 1, data);
    }
    void data(uint8_t value) { ports.write(0x60, 1, value); }
    uint8_t status() { return static_cast<uint8_t>(ports.read(0x64, 1)); }
    uint8_t readData() { return static_cast<uint8_t>(ports.read(0x60, 1)); }

    // All bytes of either device as hex, waiting for scan codes; mouse bytes in brackets.
    QString drain() {
        QString text;
        for (int i = 0; i < 200; ++i) {
            uint8_t flags = status();
            if (!(flags & 0x01)) {
                advance(I8042::kScanCodeGapNs);
                if (!(status() & 0x01))
                    break;
                flags = status();
            }
            if (!text.isEmpty())
                text += u' ';
            text += QString::asprintf(flags & 0x20 ? "[%02x]" : "%02x", readData());
        }
        return text;
    }
    // What the keyboard answers to `bytes`.
    QString keyboard(std::initializer_list<uint8_t> bytes) {
        for (uint8_t byte : bytes)
            data(byte);
        return drain();
    }
    QString mouse(std::initializer_list<uint8_t> bytes) {
        QString text;
        for (uint8_t byte : bytes) {
            command(0xD4, byte);
            text += (text.isEmpty() ? QString() : QStringLiteral(" ")) + drain();
        }
        return text.remove(u'[').remove(u']');
    }
    void key(unsigned code, bool down) {
        locked([&] { router.key(KeyCode(code), down); });
    }
    void stroke(unsigned code) {
        key(code, true);
        key(code, false);
    }
    void move(int32_t dx, int32_t dy, int32_t wheel = 0, uint8_t buttons = 0) {
        locked([&] { router.relativePointer({dx, dy, wheel, buttons}); });
    }
    bool irq1() const { return interrupts.level(1); }
    bool irq12() const { return interrupts.level(12); }
};

} // namespace vivarium::test
