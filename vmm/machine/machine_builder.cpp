#include "vmm/machine/machine_builder_board.h"

#include "vmm/backends/serial/file_backend.h"
#include "vmm/backends/serial/socket_server_backend.h"
#include "vmm/backends/serial/stream_backend.h"
#include "vmm/base/log.h"
#include "vmm/base/whole_file.h"

namespace vivarium {

namespace {

constexpr uint64_t kMaxFirmwareBytes = 16 << 20;
constexpr uint64_t kMaxVideoRomBytes = 256 << 10;

} // namespace

Result<size_t> ConfigDescriptors::find(int index, const char* what) const {
    if (index < 0 || static_cast<size_t>(index) >= m_descriptors.size() ||
        !m_descriptors[static_cast<size_t>(index)])
        return fail(ErrorCode::InvalidArgument,
                    std::string("the descriptor of the ") + what + " is missing");
    return static_cast<size_t>(index);
}

Result<UniqueFd> ConfigDescriptors::take(int index, const char* what) {
    return std::move(m_descriptors[TRY(find(index, what))]);
}

Result<UniqueFd> ConfigDescriptors::duplicate(int index, const char* what) const {
    return m_descriptors[TRY(find(index, what))].duplicate();
}

std::vector<int> ConfigDescriptors::numbers() const {
    std::vector<int> numbers;
    for (const UniqueFd& descriptor : m_descriptors)
        if (descriptor)
            numbers.push_back(descriptor.get());
    return numbers;
}

Result<std::unique_ptr<Board>> buildBoard(const control::MachineConfig& config,
                                          ConfigDescriptors& descriptors,
                                          const BoardServices& services) {
    auto board = std::make_unique<MachineBuilderBoard>(config, services);
    TRY(board->build(descriptors));
    return std::unique_ptr<Board>(std::move(board));
}

MachineBuilderBoard::MachineBuilderBoard(const control::MachineConfig& config,
                                         const BoardServices& services)
    : m_config(config), m_services(services), m_display(services.timers),
      m_lines(services.interrupts) {}

MachineBuilderBoard::~MachineBuilderBoard() {
    // Viewers and serial peers first: they take the device lock themselves.
    m_vnc.reset();
    m_uarts = {};
    m_serialBackends = {};
}

Result<void> MachineBuilderBoard::build(ConfigDescriptors& descriptors) {
    TRY(buildChipset(descriptors));
    TRY(buildDisplay(descriptors));
    TRY(buildStorage(descriptors));
    TRY(buildNetwork());
    TRY(buildLegacy(descriptors));
    for (const control::SerialConfig& port : m_config.serialPorts)
        TRY(buildSerial(port, descriptors));
    if (startsKernel())
        TRY(takeKernel(descriptors));
    TRY(buildFirmwareConfig());
    if (m_config.vnc.listenFd >= 0) {
        VncOptions options;
        options.password = m_config.vnc.password;
        options.desktopName = m_config.name;
        options.input =
            m_config.vnc.readOnly ? VncOptions::Input::Ignored : VncOptions::Input::Accepted;
        options.threadStarted = m_services.vncThreadStarted;
        m_vnc = TRY(VncServer::create(TRY(descriptors.take(m_config.vnc.listenFd, "VNC server")),
                                      {m_display, m_input, m_services.tasks, m_services.deviceLock},
                                      std::move(options)));
    }
    return {};
}

Result<void> MachineBuilderBoard::addPci(PciDevice& device) {
    TRY(m_pciBus->add(device));
    add(device);
    return {};
}

Result<void> MachineBuilderBoard::buildChipset(ConfigDescriptors& descriptors) {
    const BoardServices& s = m_services;
    const ChipsetStart start = startsKernel() ? ChipsetStart::Programmed : ChipsetStart::ColdReset;
    m_pciBus = TRY(PciBus::create(s.ports));
    add(*m_pciBus);
    m_acpiPm = TRY(AcpiPm::create(s.ports, m_lines.addSource(), s.timers, s.system));
    add(*m_acpiPm);
    m_generationId = TRY(GenerationId::create(
        s.memoryMap, *m_acpiPm,
        uuidBytes(m_config.generationId.empty() ? m_config.id : m_config.generationId)));
    add(*m_generationId);
    m_lpc =
        std::make_unique<LpcBridge>(s.ports, s.memoryMap, m_lines.addSource(), *m_acpiPm, start);
    const PciServices pci{s.ports, s.memoryMap, s.interrupts, *m_lpc};
    if (m_config.firmware.kind != control::FirmwareKind::None && m_config.firmware.romFd >= 0) {
        const UniqueFd file = TRY(descriptors.take(m_config.firmware.romFd, "firmware"));
        const auto image = TRY(readWholeFile(file.get(), kMaxFirmwareBytes, "firmware"));
        m_firmwareRom = TRY(FirmwareRom::create(s.memoryMap, image));
    }
    m_hostBridge = std::make_unique<HostBridge>(
        pci, *m_pciBus,
        HostBridgeConfig{s.memory, m_firmwareRom ? m_firmwareRom->tail() : ByteSpan(), start});
    TRY(addPci(*m_hostBridge));
    TRY(addPci(*m_lpc));
    m_smbus = std::make_unique<SmbusController>(pci);
    TRY(addPci(*m_smbus));
    m_dma = TRY(DmaController::create(s.ports));
    add(*m_dma);
    m_resetControl = TRY(ResetControl::create(s.ports, *m_pciBus, s.system));
    add(*m_resetControl);
    if (m_config.hpet) {
        m_hpet = TRY(Hpet::create(s.memoryMap, m_lines.addSource(), s.timers,
                                  [connect = s.setPitOutput](Hpet::LegacyRouting routing) {
                                      if (connect)
                                          connect(routing == Hpet::LegacyRouting::On
                                                      ? Accelerator::PitOutput::Disconnected
                                                      : Accelerator::PitOutput::Connected);
                                  }));
        add(*m_hpet);
    }
    return {};
}

Result<void> MachineBuilderBoard::buildDisplay(ConfigDescriptors& descriptors) {
    const BoardServices& s = m_services;
    VgaOptions options;
    options.videoMemoryBytes = m_config.display.videoMemoryBytes;
    options.preferredWidth = m_config.display.preferredWidth;
    options.preferredHeight = m_config.display.preferredHeight;
    if (m_config.firmware.videoRomFd >= 0) {
        const UniqueFd file = TRY(descriptors.take(m_config.firmware.videoRomFd, "video firmware"));
        options.optionRom = TRY(readWholeFile(file.get(), kMaxVideoRomBytes, "video firmware"));
    }
    if (startsKernel())
        options.powerOn = VgaOptions::PowerOn::TextMode;
    m_vga = TRY(VgaDevice::create(std::move(options), kVgaAddress,
                                  {s.ports, s.memoryMap, s.interrupts, *m_lpc}, s.timers, m_display,
                                  s.dirtyLog));
    return addPci(*m_vga);
}

Result<void> MachineBuilderBoard::buildLegacy(ConfigDescriptors& descriptors) {
    const BoardServices& s = m_services;
    RtcConfig rtc;
    rtc.offsetSeconds = m_config.rtcOffsetSeconds;
    rtc.memoryBelow4GiB = s.memory.lowEnd();
    rtc.memoryAbove4GiB = s.memory.sizeBytes() - s.memory.lowEnd();
    rtc.cpuCount = m_config.cpuCount;
    m_rtc = TRY(Rtc::create(s.ports, m_lines.addSource(), s.timers, rtc));
    add(*m_rtc);
    m_i8042 = TRY(I8042::create(s.ports, s.interrupts, s.timers, s.system, m_input));
    add(*m_i8042);
    if (m_config.debugConsoleFd >= 0)
        m_debugLog = TRY(descriptors.take(m_config.debugConsoleFd, "debug console"));
    m_debugConsole = TRY(DebugConsole::create(s.ports, [this](const std::string& line) {
        if (!m_debugLog) {
            logInfo("firmware", line);
            return;
        }
        const std::string text = line + "\n";
        // A log that cannot be written must not stop the guest.
        [[maybe_unused]] ssize_t written = ::write(m_debugLog.get(), text.data(), text.size());
    }));
    add(*m_debugConsole);
    if (m_config.exitDevice) {
        m_exitDevice = TRY(ExitDevice::create(s.ports, s.system));
        add(*m_exitDevice);
    }
    return {};
}

Result<void> MachineBuilderBoard::buildSerial(const control::SerialConfig& port,
                                              ConfigDescriptors& descriptors) {
    const BoardServices& s = m_services;
    if (port.kind == control::SerialKind::None)
        return {};
    if (port.port >= m_uarts.size() || m_uarts[port.port])
        return fail(ErrorCode::InvalidArgument, "a serial port is there twice or not COM1 to COM4");
    std::unique_ptr<CharacterBackend> peer;
    if (port.kind == control::SerialKind::File) {
        peer = std::make_unique<FileBackend>(s.loop, s.deviceLock,
                                             TRY(descriptors.take(port.outputFd, "serial output")));
    } else if (port.kind == control::SerialKind::Stream && port.listenFd >= 0) {
        peer = TRY(SocketServerBackend::create(
            s.loop, s.deviceLock, TRY(descriptors.take(port.listenFd, "serial socket"))));
    } else if (port.kind == control::SerialKind::Stream) {
        UniqueFd output = TRY(descriptors.take(port.outputFd, "serial output"));
        UniqueFd input;
        if (port.inputFd == port.outputFd)
            input = TRY(output.duplicate());
        else if (port.inputFd >= 0)
            input = TRY(descriptors.take(port.inputFd, "serial input"));
        peer =
            TRY(StreamBackend::create(s.loop, s.deviceLock, std::move(input), std::move(output)));
    }
    auto& backend = m_serialBackends[port.port];
    backend = std::make_unique<RingBackend>(s.loop, s.deviceLock, std::move(peer));
    auto& uart = m_uarts[port.port];
    uart = TRY(Uart16550::create(s.ports, m_lines.addSource(), s.timers, *backend,
                                 UartConfig::standard(port.port)));
    add(*uart);
    return {};
}

Result<UniqueFd> MachineBuilderBoard::attachSerial(uint32_t port) {
    if (port >= m_serialBackends.size() || !m_serialBackends[port])
        return fail(ErrorCode::NotFound,
                    "the machine has no serial port COM" + std::to_string(port + 1));
    return m_serialBackends[port]->attach();
}

} // namespace vivarium
