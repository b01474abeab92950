#include "vmm/backends/input/input_router.h"
#include "vmm/backends/input/input_session.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <linux/input-event-codes.h>

using namespace vivarium;

namespace {

constexpr KeyCode kA{KEY_A};
constexpr KeyCode kB{KEY_B};

class FakeKeyboard : public InputDevice {
public:
    explicit FakeKeyboard(int priority = 0) : rank(priority) {}
    bool acceptsKeys() const override { return true; }
    int priority() const override { return rank; }
    void key(KeyCode code, bool down) override {
        log += (down ? "+" : "-") + std::string(keyCodeName(code)) + " ";
    }
    int rank;
    std::string log;
};

class FakeMouse : public InputDevice {
public:
    bool acceptsRelativePointer() const override { return true; }
    void relativePointer(const RelativePointerEvent& event) override { events.push_back(event); }
    std::vector<RelativePointerEvent> events;
};

class FakeTablet : public InputDevice {
public:
    bool acceptsAbsolutePointer() const override { return true; }
    int priority() const override { return rank; }
    void absolutePointer(const AbsolutePointerEvent& event) override { events.push_back(event); }
    int rank = -1;
    std::vector<AbsolutePointerEvent> events;
};

class RecordingListener : public InputRouter::Listener {
public:
    void ledsChanged(const KeyboardLeds& value) override { leds.push_back(value); }
    void pointerModeChanged(bool absolute) override { modes.push_back(absolute); }
    std::vector<KeyboardLeds> leds;
    std::vector<bool> modes;
};

} // namespace

class InputRouterTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void keysGoToTheBestDevice() {
        InputRouter router;
        FakeKeyboard ps2(0), usb(10);
        router.addDevice(ps2);
        router.addDevice(usb);
        router.key(kA, true);
        router.key(kA, false);
        QCOMPARE(usb.log, std::string("+a -a "));
        usb.rank = -1;
        router.key(kB, true);
        QCOMPARE(ps2.log, std::string("+b "));
    }

    void repeatedPressesAndStrayReleasesAreDropped() {
        InputRouter router;
        FakeKeyboard keyboard;
        router.addDevice(keyboard);
        router.key(kB, false);
        router.key(kA, true);
        router.key(kA, true);
        router.key(kA, false);
        router.key(kA, false);
        QCOMPARE(keyboard.log, std::string("+a -a "));
    }

    void releaseFollowsThePress() {
        InputRouter router;
        FakeKeyboard ps2(0), usb(-1);
        router.addDevice(ps2);
        router.addDevice(usb);
        router.key(kA, true);
        usb.rank = 10;
        router.priorityChanged();
        router.key(kA, false);
        QCOMPARE(ps2.log, std::string("+a -a "));
        QCOMPARE(usb.log, std::string());
    }

    void removedDeviceIsForgotten() {
        InputRouter router;
        FakeKeyboard first, second;
        router.addDevice(first);
        router.key(kA, true);
        router.removeDevice(first);
        router.addDevice(second);
        router.key(kA, false);
        router.key(kA, true);
        QCOMPARE(first.log, std::string("+a "));
        QCOMPARE(second.log, std::string("+a "));
    }

    void releaseAllKeysGoesBackwards() {
        InputRouter router;
        FakeKeyboard keyboard;
        FakeMouse mouse;
        router.addDevice(keyboard);
        router.addDevice(mouse);
        router.key(kA, true);
        router.key(kB, true);
        router.relativePointer({0, 0, 0, 1});
        router.releaseAllKeys();
        QCOMPARE(keyboard.log, std::string("+a +b -b -a "));
        QCOMPARE(int(mouse.events.back().buttons), 0);
        router.releaseAllKeys();
        QCOMPARE(mouse.events.size(), size_t(2));
    }

    void absoluteFallsBackToScaledMotion() {
        InputRouter router;
        FakeMouse mouse;
        router.addDevice(mouse);
        router.setScanoutSize(640, 400);
        router.setScanoutSize(0, 5);
        router.absolutePointer({16384, 16384, 0, 0}); // where the guest's pointer is, nobody knows
        router.absolutePointer({32767, 0, 2, 1});
        QCOMPARE(mouse.events.size(), size_t(2));
        QCOMPARE(mouse.events[0].dx, 0);
        QCOMPARE(mouse.events[1].dx, 639 - 320);
        QCOMPARE(mouse.events[1].dy, -200);
        QCOMPARE(mouse.events[1].wheel, 2);
        QCOMPARE(int(mouse.events[1].buttons), 1);
    }

    void smallStepsAddUp() {
        InputRouter router;
        FakeMouse mouse;
        router.addDevice(mouse);
        router.setScanoutSize(640, 400);
        for (uint16_t x = 0; x < 32768 - 16; x += 16)
            router.absolutePointer({x, 0, 0, 0});
        int sum = 0;
        for (const auto& event : mouse.events)
            sum += event.dx;
        QCOMPARE(sum, 639);
    }

    void pointerModeFollowsTheTablet() {
        InputRouter router;
        RecordingListener listener;
        FakeMouse mouse;
        FakeTablet tablet;
        router.addListener(listener);
        router.addDevice(mouse);
        router.addDevice(tablet);
        QVERIFY(!router.absolutePointerWanted());
        router.absolutePointer({1, 1, 0, 1});
        tablet.rank = 10;
        router.priorityChanged();
        QVERIFY(router.absolutePointerWanted());
        router.absolutePointer({2, 2, 0, 2});
        QCOMPARE(int(mouse.events.back().buttons), 0); // let go where it was pressed
        QCOMPARE(tablet.events.size(), size_t(1));
        router.releaseAllKeys();
        QCOMPARE(int(tablet.events.back().buttons), 0);
        QCOMPARE(int(tablet.events.back().x), 2);
        router.removeDevice(tablet);
        QCOMPARE(listener.modes, (std::vector<bool>{true, false}));
    }

    void ledsAreToldOnChange() {
        InputRouter router;
        RecordingListener listener;
        router.addListener(listener);
        router.setLeds({});
        router.setLeds({.numLock = true});
        router.setLeds({.numLock = true});
        QCOMPARE(listener.leds.size(), size_t(1));
        router.removeListener(listener);
        router.setLeds({});
        QCOMPARE(listener.leds.size(), size_t(1));
    }

    void withoutDevicesInputIsLost() {
        InputRouter router;
        router.key(kA, true);
        router.relativePointer({1, 1, 0, 1});
        router.absolutePointer({1, 1, 0, 1});
        router.releaseAllKeys();
        QVERIFY(!router.keysPending());
    }

    void aViewerThatLeavesReleasesItsOwnKeys() {
        InputRouter router;
        FakeKeyboard keyboard;
        FakeMouse mouse;
        router.addDevice(keyboard);
        router.addDevice(mouse);
        InputSession stays(router);
        {
            InputSession leaves(router);
            stays.key(kA, true);
            leaves.key(kB, true);
            leaves.relativePointer({0, 0, 0, 4});
        }
        QCOMPARE(keyboard.log, std::string("+a +b -b "));
        QCOMPARE(int(mouse.events.back().buttons), 0);
        stays.key(kA, false);
        QCOMPARE(keyboard.log, std::string("+a +b -b -a "));
    }
};
VIVARIUM_TEST(InputRouterTest)

#include "input_router_test.moc"
