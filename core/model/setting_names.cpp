#include "core/model/setting_names.h"

#include <array>
#include <utility>

namespace vivarium {

namespace {

template <class Enum>
struct NamedValue {
    Enum value;
    const char* name;
};

constexpr auto table(Firmware) {
    return std::to_array<NamedValue<Firmware>>(
        {{Firmware::Bios, "bios"}, {Firmware::Uefi, "uefi"}});
}
constexpr auto table(Accelerator) {
    return std::to_array<NamedValue<Accelerator>>({{Accelerator::Auto, "auto"},
                                                   {Accelerator::Kvm, "kvm"},
                                                   {Accelerator::Software, "software"}});
}
constexpr auto table(DriveType) {
    return std::to_array<NamedValue<DriveType>>(
        {{DriveType::HardDisk, "disk"}, {DriveType::Optical, "optical"}});
}
constexpr auto table(DriveBus) {
    return std::to_array<NamedValue<DriveBus>>(
        {{DriveBus::Sata, "sata"}, {DriveBus::Nvme, "nvme"}, {DriveBus::Virtio, "virtio"}});
}
constexpr auto table(DiskFormat) {
    return std::to_array<NamedValue<DiskFormat>>(
        {{DiskFormat::Raw, "raw"}, {DiskFormat::Qcow2, "qcow2"}});
}
constexpr auto table(CacheMode) {
    return std::to_array<NamedValue<CacheMode>>({{CacheMode::WriteBack, "writeback"},
                                                 {CacheMode::WriteThrough, "writethrough"},
                                                 {CacheMode::Direct, "direct"}});
}
constexpr auto table(DiskErrorAction) {
    return std::to_array<NamedValue<DiskErrorAction>>({{DiskErrorAction::Report, "report"},
                                                       {DiskErrorAction::Stop, "stop"},
                                                       {DiskErrorAction::Ignore, "ignore"}});
}
constexpr auto table(BootDevice) {
    return std::to_array<NamedValue<BootDevice>>({{BootDevice::HardDisk, "disk"},
                                                  {BootDevice::Optical, "optical"},
                                                  {BootDevice::None, "none"}});
}
constexpr auto table(SerialMode) {
    return std::to_array<NamedValue<SerialMode>>({{SerialMode::Disconnected, "disconnected"},
                                                  {SerialMode::Console, "console"},
                                                  {SerialMode::File, "file"},
                                                  {SerialMode::Socket, "socket"}});
}
constexpr auto table(MacPolicy) {
    return std::to_array<NamedValue<MacPolicy>>(
        {{MacPolicy::New, "new"}, {MacPolicy::Keep, "keep"}});
}
constexpr auto table(CloseAction) {
    return std::to_array<NamedValue<CloseAction>>({{CloseAction::Ask, "ask"},
                                                   {CloseAction::KeepRunning, "keep-running"},
                                                   {CloseAction::SaveState, "save-state"},
                                                   {CloseAction::Shutdown, "shutdown"},
                                                   {CloseAction::PowerOff, "power-off"}});
}
constexpr auto table(ScaleMode) {
    return std::to_array<NamedValue<ScaleMode>>({{ScaleMode::Fit, "fit"},
                                                 {ScaleMode::OneToOne, "one-to-one"},
                                                 {ScaleMode::Integer, "integer"}});
}

} // namespace

template <class Enum>
QString nameOf(Enum value) {
    for (const auto& entry : table(Enum{}))
        if (entry.value == value)
            return QString::fromLatin1(entry.name);
    return {};
}

template <class Enum>
std::optional<Enum> valueNamed(QStringView name) {
    for (const auto& entry : table(Enum{}))
        if (name == QLatin1String(entry.name))
            return entry.value;
    return std::nullopt;
}

template <class Enum>
QStringList namesOf() {
    QStringList names;
    for (const auto& entry : table(Enum{}))
        names << QString::fromLatin1(entry.name);
    return names;
}

#define INSTANTIATE(Enum)                                                                          \
    template QString nameOf<Enum>(Enum);                                                           \
    template std::optional<Enum> valueNamed<Enum>(QStringView);                                    \
    template QStringList namesOf<Enum>();
INSTANTIATE(Firmware)
INSTANTIATE(Accelerator)
INSTANTIATE(DriveType)
INSTANTIATE(DriveBus)
INSTANTIATE(DiskFormat)
INSTANTIATE(CacheMode)
INSTANTIATE(DiskErrorAction)
INSTANTIATE(BootDevice)
INSTANTIATE(SerialMode)
INSTANTIATE(MacPolicy)
INSTANTIATE(CloseAction)
INSTANTIATE(ScaleMode)
#undef INSTANTIATE

} // namespace vivarium
