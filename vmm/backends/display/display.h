#pragma once

#include "vmm/base/clock.h"
#include "vmm/base/scanout.h"
#include "vmm/base/timer_queue.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

// The characters of a text-mode screen, UTF-8, one string a row without trailing blanks (code page
// 437 mapped to Unicode); the cursor's place when it is visible.
struct TextScreen {
    uint32_t columns = 0, rows = 0;
    std::vector<std::string> lines;
    struct Cursor {
        uint32_t column, row;
    };
    std::optional<Cursor> cursor;
};

// A picture in memory that viewers may map.
struct Scanout {
    ScanoutInfo info;
    int fd = -1;                     // the memfd; owned by the source, valid until the next change
    const uint8_t* pixels = nullptr; // info.offsetBytes already added
};

// A display adapter. Device thread, device lock held.
class DisplaySource {
public:
    virtual ~DisplaySource() = default;
    // Brings the scanout's pixels up to date and reports what changed through Display::setScanout
    // and Display::addDamage. Returns whether the guest has been drawing since the last call.
    virtual bool refresh() = 0;
    virtual std::optional<TextScreen> textScreen() = 0; // nullopt in a graphics mode
};

// Somebody who looks: a control client, the VNC server. Device thread, device lock held.
class DisplayViewer {
public:
    virtual ~DisplayViewer() = default;
    virtual void scanoutChanged(const Scanout& scanout) = 0;
    virtual void damaged(const std::vector<Rect>& rectangles) = 0;
};

// Joins one source with its viewers and paces refreshes: 60 a second while the guest draws, backing
// off to 5 when it does not, none when nobody looks or when the source announces its changes.
// Device thread, device lock held.
class Display {
public:
    static constexpr uint64_t kFrameNs = 16'666'667;    // 60 a second
    static constexpr uint64_t kMaxIdleNs = 200'000'000; // 5 a second
    static constexpr size_t kMaxDamageRectangles = 16;  // more are united into one

    explicit Display(TimerQueue& timers);

    // Null detaches. The source's first refresh tells its scanout.
    void setSource(DisplaySource* source);
    // The new viewer is told the present scanout at once, all of it damaged.
    void addViewer(DisplayViewer& viewer);
    void removeViewer(DisplayViewer& viewer);

    // Refreshes now, whoever looks (screenshots); viewers are told as well.
    void refreshNow();
    // `info.width` is 0 until the source has shown anything.
    const Scanout& scanout() const { return m_scanout; }
    std::optional<TextScreen> textScreen();

    // The picture will probably change soon: a key or the pointer went to the guest. Ends the
    // back-off of a polled source.
    void expectChange();

    // --- Called by the source ---
    // The geometry or memory changed; everything counts as damaged.
    void setScanout(const Scanout& scanout);
    // The part of `rectangle` that lies in the scanout has changed.
    void addDamage(const Rect& rectangle);
    // Trapped drawing (text mode, planes): refresh soon. Cheap, called for every access.
    void wake();
    // The source changes by itself at `deadlineNs` (a blinking cursor): refresh then if somebody
    // looks. Forgotten at the next refresh.
    void refreshAt(uint64_t deadlineNs);
    // Whether the source needs polling (memory drawn without traps) or calls `wake`.
    enum class Updates { Polled, Announced };
    void setUpdates(Updates updates);

private:
    void tick();
    void flushDamage();
    void schedule();
    template <class Call>
    void forEachViewer(Call call);

    const Clock& m_clock;
    DisplaySource* m_source = nullptr;
    std::vector<DisplayViewer*> m_viewers;
    Scanout m_scanout;
    std::vector<Rect> m_damage;
    Updates m_updates = Updates::Announced;
    uint64_t m_intervalNs = kFrameNs;
    uint64_t m_lastTickNs = 0;
    std::optional<uint64_t> m_refreshAtNs;
    std::optional<uint64_t> m_armedNs;
    bool m_woken = false;
    bool m_refreshing = false;
    Timer m_timer;
};

} // namespace vivarium
