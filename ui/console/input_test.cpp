#include "tests/support/test_main.h"
#include "ui/console/host_key.h"
#include "ui/console/key_translation.h"
#include "ui/console/pointer_queue.h"

#include <QTest>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {
constexpr KeyCode key(int code) {
    return static_cast<KeyCode>(code);
}
using Verdict = HostKey::Verdict;
constexpr auto kDown = KeyDirection::Down;
constexpr auto kUp = KeyDirection::Up;
} // namespace

class HostKeyTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aloneTogglesTheCapture();
    void withAnotherKeyIsACommand();
    void commandKeyReleasedLaterIsSwallowed();
    void ctrlAltTogetherReleases();
    void ctrlAltWithAnotherKeyIsTheGuests();
    void forgetsOnFocusLoss();
};

void HostKeyTest::aloneTogglesTheCapture() {
    HostKey host(key(KEY_RIGHTCTRL));
    QCOMPARE(host.handle(key(KEY_RIGHTCTRL), kDown), Verdict::Swallow);
    QCOMPARE(host.handle(key(KEY_RIGHTCTRL), kUp), Verdict::ToggleCapture);
    QCOMPARE(host.handle(key(KEY_A), kDown), Verdict::Forward);
    QCOMPARE(host.handle(key(KEY_A), kUp), Verdict::Forward);
}

void HostKeyTest::withAnotherKeyIsACommand() {
    HostKey host(key(KEY_RIGHTCTRL));
    host.handle(key(KEY_RIGHTCTRL), kDown);
    QCOMPARE(host.handle(key(KEY_F), kDown), Verdict::Command);
    QCOMPARE(host.handle(key(KEY_F), kDown), Verdict::Swallow); // repeated
    QCOMPARE(host.handle(key(KEY_F), kUp), Verdict::Swallow);
    QCOMPARE(host.handle(key(KEY_RIGHTCTRL), kUp), Verdict::Swallow);
}

void HostKeyTest::commandKeyReleasedLaterIsSwallowed() {
    HostKey host(key(KEY_RIGHTCTRL));
    host.handle(key(KEY_RIGHTCTRL), kDown);
    host.handle(key(KEY_F), kDown);
    QCOMPARE(host.handle(key(KEY_RIGHTCTRL), kUp), Verdict::Swallow);
    QCOMPARE(host.handle(key(KEY_F), kUp), Verdict::Swallow);
    QCOMPARE(host.handle(key(KEY_F), kDown), Verdict::Forward);
}

void HostKeyTest::ctrlAltTogetherReleases() {
    HostKey host(key(KEY_RIGHTCTRL));
    QCOMPARE(host.handle(key(KEY_LEFTCTRL), kDown), Verdict::Forward);
    QCOMPARE(host.handle(key(KEY_LEFTALT), kDown), Verdict::Forward);
    QCOMPARE(host.handle(key(KEY_LEFTCTRL), kUp), Verdict::Forward);
    QCOMPARE(host.handle(key(KEY_LEFTALT), kUp), Verdict::ReleaseCapture);
}

void HostKeyTest::ctrlAltWithAnotherKeyIsTheGuests() {
    HostKey host(key(KEY_RIGHTCTRL));
    host.handle(key(KEY_LEFTCTRL), kDown);
    host.handle(key(KEY_LEFTALT), kDown);
    QCOMPARE(host.handle(key(KEY_T), kDown), Verdict::Forward);
    host.handle(key(KEY_T), kUp);
    host.handle(key(KEY_LEFTALT), kUp);
    QCOMPARE(host.handle(key(KEY_LEFTCTRL), kUp), Verdict::Forward);
}

void HostKeyTest::forgetsOnFocusLoss() {
    HostKey host(key(KEY_RIGHTCTRL));
    host.handle(key(KEY_RIGHTCTRL), kDown);
    host.forget();
    QCOMPARE(host.handle(key(KEY_F), kDown), Verdict::Forward);
    QCOMPARE(host.handle(key(KEY_RIGHTCTRL), kUp), Verdict::Swallow);
}

class KeyTranslationTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void scanCodeWins();
    void meaningIsTheFallback();
    void keysymsOfPlainKeys();
};

void KeyTranslationTest::scanCodeWins() {
    // The key right of Tab says "a" on a French keyboard; it is still the same key.
    const QKeyEvent event(QEvent::KeyPress, Qt::Key_A, {}, KEY_Q + 8, 0x61, 0, QStringLiteral("a"));
    QCOMPARE(keyCodeOf(event), key(KEY_Q));
    QCOMPARE(keysymOf(event), 0x61u);
}

void KeyTranslationTest::meaningIsTheFallback() {
    const QKeyEvent letter(QEvent::KeyPress, Qt::Key_A, {}, QStringLiteral("a"));
    QCOMPARE(keyCodeOf(letter), key(KEY_A));
    QCOMPARE(keysymOf(letter), 0x61u);
    const QKeyEvent escape(QEvent::KeyPress, Qt::Key_Escape, {});
    QCOMPARE(keyCodeOf(escape), key(KEY_ESC));
    QCOMPARE(keysymOf(escape), 0xff1bu);
    const QKeyEvent unknown(QEvent::KeyPress, Qt::Key_unknown, {});
    QVERIFY(!keyCodeOf(unknown));
}

void KeyTranslationTest::keysymsOfPlainKeys() {
    QCOMPARE(keysymOf(key(KEY_A)), 0x61u);
    QCOMPARE(keysymOf(key(KEY_ENTER)), 0xff0du);
    QCOMPARE(keysymOf(key(KEY_RIGHTCTRL)), 0xffe4u);
}

class PointerQueueTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void mergesMovements();
    void keepsButtonChanges();
    void isBounded();
};

void PointerQueueTest::mergesMovements() {
    PointerQueue queue;
    QVERIFY(queue.push({false, {1, 1}, 0, 0}));
    for (int i = 0; i < 100; ++i)
        QVERIFY(!queue.push({false, {2, -1}, 1, 0}));
    const auto merged = queue.finished();
    QVERIFY(merged);
    QCOMPARE(merged->position, QPoint(200, -100));
    QCOMPARE(merged->wheel, 100);
    QVERIFY(!queue.finished());
    QVERIFY(queue.push({false, {1, 1}, 0, 0}));
}

void PointerQueueTest::keepsButtonChanges() {
    PointerQueue queue;
    queue.push({false, {}, 0, 0});
    queue.push({false, {}, 0, 1}); // press
    queue.push({false, {}, 0, 0}); // release
    queue.push({false, {5, 5}, 0, 0});
    QCOMPARE(queue.finished()->buttons, quint8{1});
    const auto release = queue.finished();
    QCOMPARE(release->buttons, quint8{0});
    const auto move = queue.finished();
    QCOMPARE(move ? move->position : release->position, QPoint(5, 5));
}

void PointerQueueTest::isBounded() {
    PointerQueue queue;
    queue.push({false, {}, 0, 0});
    for (int i = 0; i < 10000; ++i)
        queue.push({false, {}, 0, static_cast<quint8>(i % 2)});
    int count = 0;
    while (queue.finished())
        ++count;
    QVERIFY(count <= 64);
}

} // namespace vivarium

using vivarium::HostKeyTest;
using vivarium::KeyTranslationTest;
using vivarium::PointerQueueTest;
VIVARIUM_TEST(HostKeyTest)
VIVARIUM_TEST(KeyTranslationTest)
VIVARIUM_TEST(PointerQueueTest)
#include "input_test.moc"
