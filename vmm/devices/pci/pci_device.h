#pragma once

#include "vmm/bus/device.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

// Device and function on bus 0 (PCI 3.0, 3.2.2.3.2): 0..31 and 0..7.
struct PciAddress {
    uint8_t device = 0;
    uint8_t function = 0;
    uint8_t devfn() const { return static_cast<uint8_t>(device << 3 | function); }
    bool operator==(const PciAddress&) const = default;
};

// Routes INTA#..INTD# of all functions to interrupt lines (wired-or); the LPC bridge implements it.
class PciInterruptRouter {
public:
    virtual ~PciInterruptRouter() = default;
    // `pin`: 1 = INTA# .. 4 = INTD#. Called on changes only, with the device lock held.
    virtual void setIntx(PciAddress source, uint8_t pin, bool asserted) = 0;
};

// What a PCI function needs from the machine.
struct PciServices {
    PortBus& ports;
    MemoryMap& memoryMap;
    InterruptSink& messages;
    PciInterruptRouter& router;
};

// Type 0 header's fixed fields.
struct PciIdentity {
    uint16_t vendorId;
    uint16_t deviceId;
    uint32_t classCode; // 24 bits: class, subclass, programming interface
    uint8_t revision = 0;
    uint16_t subsystemVendorId = 0x1AF4;
    uint16_t subsystemId = 0x1100;
    uint8_t interruptPin = 0; // 0 none, 1..4
    bool multifunction = false;
};

// Base of every PCI function: 4 KiB of configuration space with write masks, BARs that map
// themselves into the buses, expansion ROM, MSI and MSI-X, INTx. Owner: the machine; device lock.
class PciDevice : public Device {
public:
    static constexpr uint32_t kConfigBytes = 4096;

    PciAddress address() const { return m_address; }
    std::string_view name() const override { return m_name; }

    // Configuration access of 1, 2 or 4 naturally aligned bytes at `offset` < kConfigBytes.
    // A derived device overrides these for registers with side effects and calls the base first.
    virtual uint32_t readConfig(uint16_t offset, unsigned sizeBytes);
    virtual void writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value);

    // Base part: configuration space, BAR mappings, MSI-X table and pending bits. A derived device
    // calls it first, then handles its own registers and state; save() begins the section, so a
    // derived device only adds fields. A derived restore() that fails calls reset().
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

protected:
    PciDevice(std::string name, PciAddress address, const PciIdentity& identity,
              PciServices services);

    // --- Declared in the constructor ---------------------------------------------------------
    enum class BarKind { Io, Memory32, Memory32Prefetchable, Memory64, Memory64Prefetchable };
    // `sizeBytes`: a power of two, at least 4 (I/O) or 4096 (memory). Registers behind a handler.
    void addBar(unsigned index, BarKind kind, uint64_t sizeBytes, IoHandler handler);
    // Direct memory (a frame buffer); `host` is borrowed and outlives the device.
    void addMemoryBar(unsigned index, BarKind kind, uint64_t sizeBytes, uint8_t* host,
                      MemoryRegion::DirtyLog dirtyLog);
    // Option ROM; copied and padded to a power of two. Its PCI ids should match.
    void addExpansionRom(std::vector<uint8_t> image);
    // Appends a capability of `lengthBytes` (with its two header bytes); returns its offset. The
    // ones of a device must fit in 0x40..0xFF.
    uint8_t addCapability(uint8_t id, uint8_t lengthBytes);
    void addMsiCapability(uint8_t vectorCount); // 1, 2, 4 .. 32, with per-vector masking
    // Table and pending-bit array inside memory BAR `barIndex` (a BAR of its own, declared by
    // this call, of at least 4 KiB; Memory32). `vectorCount` 1..2048.
    void addMsixCapability(uint16_t vectorCount, unsigned barIndex);
    // Configuration bytes: reset value and which bits the guest may write.
    void setConfig8(uint16_t offset, uint8_t value, uint8_t writeMask = 0);
    void setConfig16(uint16_t offset, uint16_t value, uint16_t writeMask = 0);
    void setConfig32(uint16_t offset, uint32_t value, uint32_t writeMask = 0);

    // --- While running -----------------------------------------------------------------------
    uint8_t* config() { return m_state.config.data(); }
    const uint8_t* config() const { return m_state.config.data(); }
    bool busMasterEnabled() const;
    // The guest address where BAR `index` is decoded now; nullopt when it is not.
    std::optional<uint64_t> barAddress(unsigned index) const;
    // Level of the INTx pin; ignored while MSI or MSI-X is enabled.
    void setIntx(bool asserted);
    bool msiEnabled() const;
    bool msixEnabled() const;
    // Sends vector `index` by MSI-X or MSI, whichever is enabled (masked ones become pending).
    void sendMessage(uint16_t index);
    // The common case of a device with one interrupt: MSI on a rising edge, else the INTx level.
    void setInterrupt(bool asserted);
    // Called after BARs, command register or ROM enable changed the mapping, and by reset and
    // restore; not by the constructor. A window that would touch the chipset's own addresses
    // (0xFEC00000..4 GiB), that starts at 0, or whose ports are taken, is not decoded.
    virtual void mappingsChanged() {}

private:
    struct State {
        std::array<uint8_t, kConfigBytes> config{};
        std::vector<uint8_t> msixTable{};   // 16 bytes a vector
        std::vector<uint8_t> msixPending{}; // one bit a vector, whole quadwords
        bool intxAsserted = false;          // what the device wants of its INTx pin
        bool interruptAsserted = false;     // level of setInterrupt
    };
    struct Bar {
        BarKind kind{};
        uint64_t sizeBytes = 0; // 0: not implemented
        IoHandler handler{};
        uint8_t* host = nullptr;
        MemoryRegion::DirtyLog dirtyLog = MemoryRegion::DirtyLog::Off;
        bool readOnly = false; // the expansion ROM
        std::optional<uint64_t> mappedAt{};
        PortMapping ports{};
        MemoryMapping memory{};
    };
    struct PageDeleter {
        void operator()(uint8_t* pages) const;
    };

    void declareBar(unsigned index, Bar bar);
    std::optional<uint64_t> decodedAddress(const Bar& bar, uint64_t value) const;
    bool mapBar(Bar& bar, std::optional<uint64_t> address);
    void updateMappings();
    void updateIntx();
    bool messagesEnabled() const { return msiEnabled() || msixEnabled(); }
    void deliver(uint64_t address, uint32_t data);
    void sendMsi(uint16_t index);
    void sendMsix(uint16_t index);
    void sendPending();
    uint64_t readMsix(uint64_t offset, unsigned sizeBytes);
    void writeMsix(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t msixPendingOffset() const;

    std::string m_name;
    PciAddress m_address;
    PciServices m_services;
    State m_state;
    std::array<uint8_t, kConfigBytes> m_resetConfig{};
    std::array<uint8_t, kConfigBytes> m_writeMask{};
    std::unique_ptr<uint8_t, PageDeleter> m_rom; // page-aligned, as CPU memory slots need it
    std::array<Bar, 6> m_bars;
    Bar m_romBar;
    bool m_intxLevel = false; // what the router was told last
    uint8_t m_lastCapability = 0;
    uint8_t m_nextCapability = 0x40;
    uint8_t m_msiOffset = 0;
    uint8_t m_msixOffset = 0;
    uint16_t m_msixVectors = 0;
};

} // namespace vivarium
