#include "vmm/backends/display/display.h"

#include "tests/support/device_test_doubles.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using vivarium::test::ManualClock;

namespace {

struct TestSource final : DisplaySource {
    bool refresh() override {
        ++refreshes;
        if (onRefresh)
            onRefresh();
        return drawing;
    }
    std::optional<TextScreen> textScreen() override { return TextScreen{80, 25, {}, {}}; }
    unsigned refreshes = 0;
    bool drawing = false;
    std::function<void()> onRefresh;
};

struct TestViewer final : DisplayViewer {
    void scanoutChanged(const Scanout& scanout) override { scanouts.push_back(scanout.info); }
    void damaged(const std::vector<Rect>& rectangles) override {
        damage.insert(damage.end(), rectangles.begin(), rectangles.end());
        ++messages;
    }
    std::vector<ScanoutInfo> scanouts;
    std::vector<Rect> damage;
    unsigned messages = 0;
};

struct World {
    ManualClock clock;
    TimerQueue timers{clock};
    Display display{timers};
    TestSource source;
    TestViewer viewer;

    World() {
        display.setSource(&source);
        display.setScanout({{100, 100, 400, 0, 40960, 1}, -1, nullptr});
    }
    // Lets `ns` of guest time pass, firing timers on the way.
    void advance(uint64_t ns) {
        uint64_t end = clock.nowNs() + ns;
        while (auto next = timers.nextDeadlineNs()) {
            if (*next > end)
                break;
            clock.setNowNs(std::max(*next, clock.nowNs()));
            timers.runExpired();
        }
        clock.setNowNs(end);
    }
};

constexpr uint64_t kSecondNs = 1'000'000'000;

} // namespace

class DisplayTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aViewerIsToldThePictureAtOnce() {
        World world;
        world.display.addViewer(world.viewer);
        QCOMPARE(world.source.refreshes, 1u);
        QCOMPARE(world.viewer.scanouts.size(), size_t{1});
        QCOMPARE(world.viewer.damage, (std::vector<Rect>{{0, 0, 100, 100}}));
    }

    void withoutViewersNothingRuns() {
        World world;
        world.display.setUpdates(Display::Updates::Polled);
        world.display.wake();
        world.display.refreshAt(world.clock.nowNs() + 1);
        QVERIFY(!world.timers.nextDeadlineNs());
        world.display.addViewer(world.viewer);
        QVERIFY(world.timers.nextDeadlineNs());
        world.display.removeViewer(world.viewer);
        QVERIFY(!world.timers.nextDeadlineNs());
    }

    void anAnnouncingSourceIsLeftAloneUntilItWakes() {
        World world;
        world.display.addViewer(world.viewer);
        unsigned before = world.source.refreshes;
        QVERIFY(!world.timers.nextDeadlineNs());
        world.advance(10 * kSecondNs);
        for (int i = 0; i < 1000; ++i)
            world.display.wake();
        world.advance(kSecondNs);
        QCOMPARE(world.source.refreshes, before + 1);
        QVERIFY(!world.timers.nextDeadlineNs());
    }

    void drawingIsShownSixtyTimesASecond() {
        World world;
        world.source.drawing = true;
        world.display.addViewer(world.viewer);
        world.display.setUpdates(Display::Updates::Polled);
        unsigned before = world.source.refreshes;
        world.advance(kSecondNs);
        QVERIFY(world.source.refreshes - before >= 59 && world.source.refreshes - before <= 61);
        // Announced drawing is no faster, however often it wakes.
        world.display.setUpdates(Display::Updates::Announced);
        world.source.onRefresh = [&] { world.display.wake(); };
        world.display.wake();
        before = world.source.refreshes;
        world.advance(kSecondNs);
        QVERIFY(world.source.refreshes - before >= 59 && world.source.refreshes - before <= 61);
    }

    void anIdlePolledSourceIsAskedFiveTimesASecond() {
        World world;
        world.display.addViewer(world.viewer);
        world.display.setUpdates(Display::Updates::Polled);
        world.advance(5 * kSecondNs);
        unsigned before = world.source.refreshes;
        world.advance(10 * kSecondNs);
        QVERIFY(world.source.refreshes - before >= 49 && world.source.refreshes - before <= 51);
        // A key press makes the next look come soon.
        before = world.source.refreshes;
        world.display.expectChange();
        world.advance(2 * Display::kFrameNs);
        QVERIFY(world.source.refreshes > before);
    }

    void theSourceCanNameATime() {
        World world;
        world.display.addViewer(world.viewer);
        uint64_t due = world.clock.nowNs() + kSecondNs;
        world.display.refreshAt(due);
        unsigned before = world.source.refreshes;
        world.advance(kSecondNs - 1);
        QCOMPARE(world.source.refreshes, before);
        world.advance(1);
        QCOMPARE(world.source.refreshes, before + 1);
        world.advance(10 * kSecondNs);
        QCOMPARE(world.source.refreshes, before + 1);
    }

    void damageIsMergedAndClipped() {
        World world;
        world.display.addViewer(world.viewer);
        world.viewer.damage.clear();
        for (uint32_t y = 10; y < 20; ++y)
            world.display.addDamage({5, y, 30, 1});
        world.display.addDamage({90, 90, 1000, 0xFFFFFFFF});
        world.display.addDamage({100, 0, 1, 1});
        world.display.addDamage({6, 11, 3, 3});
        world.display.addDamage({0, 0, 0, 5});
        world.display.refreshNow();
        QCOMPARE(world.viewer.damage, (std::vector<Rect>{{90, 90, 10, 10}, {5, 10, 30, 10}}));
    }

    void damageIsBounded() {
        World world;
        world.display.addViewer(world.viewer);
        world.viewer.damage.clear();
        for (uint32_t i = 0; i < 50; ++i)
            world.display.addDamage({2 * i, 2 * i, 1, 1});
        world.display.refreshNow();
        QVERIFY(world.viewer.damage.size() <= Display::kMaxDamageRectangles);
        Rect all;
        for (const Rect& rect : world.viewer.damage)
            all = all.united(rect);
        QCOMPARE(all, (Rect{0, 0, 99, 99}));
    }

    void nothingDamagedMeansNoMessage() {
        World world;
        world.display.addViewer(world.viewer);
        unsigned before = world.viewer.messages;
        world.display.wake();
        world.advance(kSecondNs);
        QCOMPARE(world.viewer.messages, before);
    }

    void aNewScanoutDamagesEverything() {
        World world;
        world.display.addViewer(world.viewer);
        world.viewer.damage.clear();
        world.display.addDamage({1, 1, 1, 1});
        world.display.setScanout({{20, 10, 80, 0, 4096, 2}, -1, nullptr});
        world.display.refreshNow();
        QCOMPARE(world.viewer.scanouts.back().width, 20u);
        QCOMPARE(world.viewer.damage, (std::vector<Rect>{{0, 0, 20, 10}}));
    }

    void aViewerMayLeaveWhenItIsTold() {
        struct Leaver final : DisplayViewer {
            Display* display = nullptr;
            void scanoutChanged(const Scanout&) override { display->removeViewer(*this); }
            void damaged(const std::vector<Rect>&) override {}
        } leaver;
        World world;
        leaver.display = &world.display;
        world.display.addViewer(leaver);
        world.display.addViewer(world.viewer);
        world.display.setScanout({{20, 10, 80, 0, 4096, 2}, -1, nullptr});
        QCOMPARE(world.viewer.scanouts.size(), size_t{2});
    }

    void withoutASourceThereIsNothing() {
        World world;
        world.display.addViewer(world.viewer);
        world.display.setSource(nullptr);
        QCOMPARE(world.display.scanout().info.width, 0u);
        QVERIFY(!world.display.textScreen());
        world.display.refreshNow();
        QVERIFY(!world.timers.nextDeadlineNs());
    }
};
VIVARIUM_TEST(DisplayTest)

#include "display_test.moc"
