#include "core/model/settings_json.h"

#include "core/model/mac_address_text.h"
#include "core/model/setting_names.h"

#include <QJsonArray>

#include <limits>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

// Reads the fields of one object; the first bad one is kept as the error.
class FieldReader {
public:
    FieldReader(QJsonObject object, QString path, std::optional<Error>& error)
        : m_object(std::move(object)), m_path(std::move(path)), m_error(error) {}

    void read(QLatin1String field, QString& value) {
        if (const QJsonValue json = m_object.value(field); json.isString())
            value = json.toString();
        else
            refuse(field, json, u"a text"_s);
    }
    void read(QLatin1String field, bool& value) {
        if (const QJsonValue json = m_object.value(field); json.isBool())
            value = json.toBool();
        else
            refuse(field, json, u"true or false"_s);
    }
    void read(QLatin1String field, uint32_t& value) {
        const QJsonValue json = m_object.value(field);
        const qint64 number = json.toInteger(-1);
        if (json.isDouble() && number >= 0 && number <= std::numeric_limits<uint32_t>::max())
            value = static_cast<uint32_t>(number);
        else
            refuse(field, json, u"a whole number from 0 to 4294967295"_s);
    }
    void read(QLatin1String field, MacAddress& value) {
        const QJsonValue json = m_object.value(field);
        if (const auto address = MacAddress::parse(json.toString().toStdString()))
            value = *address;
        else
            refuse(field, json, u"a MAC address such as 52:54:00:12:34:56"_s);
    }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void read(QLatin1String field, Enum& value) {
        const QJsonValue json = m_object.value(field);
        if (const auto named = valueNamed<Enum>(json.toString()))
            value = *named;
        else
            refuse(field, json, u"one of "_s + namesOf<Enum>().join(u", "_s));
    }
    // A list; `readItem(item, json, path)` fills one item.
    template <class Item, class ReadItem>
    void readList(QLatin1String field, QList<Item>& list, ReadItem readItem) {
        const QJsonValue json = m_object.value(field);
        if (!json.isArray()) {
            refuse(field, json, u"a list"_s);
            return;
        }
        list.clear();
        const QJsonArray array = json.toArray();
        for (const QJsonValue& value : array) {
            const QString path = u"%1%2[%3]"_s.arg(m_path, field).arg(list.size());
            if constexpr (std::is_class_v<Item> && !std::is_same_v<Item, QString>) {
                if (!value.isObject())
                    refuse(QLatin1String(), value, u"an object"_s, path);
            }
            Item item{};
            readItem(item, value, path);
            list << item;
        }
    }
    void readTexts(QLatin1String field, QStringList& list) {
        readList(field, list, [this, field](QString& item, const QJsonValue& json, const QString&) {
            if (!json.isString())
                refuse(field, json, u"a list of texts"_s);
            item = json.toString();
        });
    }
    FieldReader inner(QLatin1String field) {
        const QJsonValue json = m_object.value(field);
        if (!json.isObject())
            refuse(field, json, u"an object"_s);
        return {json.toObject(), m_path + field + u'.', m_error};
    }

private:
    void refuse(QLatin1String field, const QJsonValue& json, const QString& expected,
                const QString& path = {}) {
        if (json.isUndefined() || m_error)
            return; // a missing field keeps its default
        m_error = fail(ErrorCode::Corrupt, u"The stored setting %1%2 is not %3."_s
                                               .arg(path.isEmpty() ? m_path : path, field, expected)
                                               .toStdString());
    }

    QJsonObject m_object;
    QString m_path;
    std::optional<Error>& m_error;
};

QJsonObject toJson(const DriveSettings& drive) {
    return {{u"type"_s, nameOf(drive.type)},
            {u"bus"_s, nameOf(drive.bus)},
            {u"port"_s, static_cast<qint64>(drive.port)},
            {u"path"_s, drive.path},
            {u"readOnly"_s, drive.readOnly},
            {u"format"_s, nameOf(drive.format)},
            {u"cacheMode"_s, nameOf(drive.cacheMode)},
            {u"onError"_s, nameOf(drive.onError)},
            {u"onFull"_s, nameOf(drive.onFull)}};
}

QJsonObject toJson(const NetworkCardSettings& card) {
    return {{u"slot"_s, static_cast<qint64>(card.slot)},
            {u"macAddress"_s, macAddressText(card.macAddress)}};
}

QJsonObject toJson(const SerialPortSettings& serial) {
    return {{u"port"_s, static_cast<qint64>(serial.port)},
            {u"mode"_s, nameOf(serial.mode)},
            {u"path"_s, serial.path}};
}

QJsonObject toJson(const DirectBootSettings& boot) {
    return {{u"kernelPath"_s, boot.kernelPath},
            {u"initrdPath"_s, boot.initrdPath},
            {u"commandLine"_s, boot.commandLine},
            {u"modulePaths"_s, QJsonArray::fromStringList(boot.modulePaths)}};
}

QJsonObject toJson(const VncSettings& vnc) {
    return {{u"enabled"_s, vnc.enabled},
            {u"address"_s, vnc.address},
            {u"port"_s, static_cast<qint64>(vnc.port)},
            {u"password"_s, vnc.password}};
}

template <class Item>
QJsonArray toArray(const QList<Item>& list) {
    QJsonArray array;
    for (const Item& item : list)
        array << toJson(item);
    return array;
}

} // namespace

QJsonObject toJson(const MachineSettings& settings) {
    QJsonArray bootOrder;
    for (BootDevice device : settings.bootOrder)
        bootOrder << nameOf(device);
    return {{u"name"_s, settings.name},
            {u"guestType"_s, settings.guestType},
            {u"memoryMiB"_s, static_cast<qint64>(settings.memoryMiB)},
            {u"cpuCount"_s, static_cast<qint64>(settings.cpuCount)},
            {u"firmware"_s, nameOf(settings.firmware)},
            {u"accelerator"_s, nameOf(settings.accelerator)},
            {u"bootOrder"_s, bootOrder},
            {u"rtcLocalTime"_s, settings.rtcLocalTime},
            {u"hpet"_s, settings.hpet},
            {u"bootMenu"_s, settings.bootMenu},
            {u"directBoot"_s, toJson(settings.directBoot)},
            {u"videoMemoryMiB"_s, static_cast<qint64>(settings.videoMemoryMiB)},
            {u"vnc"_s, toJson(settings.vnc)},
            {u"drives"_s, toArray(settings.drives)},
            {u"networkCards"_s, toArray(settings.networkCards)},
            {u"serialPorts"_s, toArray(settings.serialPorts)},
            {u"closeAction"_s, nameOf(settings.closeAction)},
            {u"scaleMode"_s, nameOf(settings.scaleMode)},
            {u"exitDevice"_s, settings.exitDevice}};
}

Result<MachineSettings> machineSettingsFromJson(const QJsonObject& json) {
    MachineSettings settings;
    std::optional<Error> error;
    FieldReader reader(json, {}, error);
    reader.read("name"_L1, settings.name);
    reader.read("guestType"_L1, settings.guestType);
    reader.read("memoryMiB"_L1, settings.memoryMiB);
    reader.read("cpuCount"_L1, settings.cpuCount);
    reader.read("firmware"_L1, settings.firmware);
    reader.read("accelerator"_L1, settings.accelerator);
    reader.readList(
        "bootOrder"_L1, settings.bootOrder,
        [&](BootDevice& device, const QJsonValue& value, const QString& path) {
            FieldReader({{u"device"_s, value}}, path + u'.', error).read("device"_L1, device);
        });
    reader.read("rtcLocalTime"_L1, settings.rtcLocalTime);
    reader.read("hpet"_L1, settings.hpet);
    reader.read("bootMenu"_L1, settings.bootMenu);
    reader.read("videoMemoryMiB"_L1, settings.videoMemoryMiB);
    reader.read("closeAction"_L1, settings.closeAction);
    reader.read("scaleMode"_L1, settings.scaleMode);
    reader.read("exitDevice"_L1, settings.exitDevice);

    FieldReader boot = reader.inner("directBoot"_L1);
    boot.read("kernelPath"_L1, settings.directBoot.kernelPath);
    boot.read("initrdPath"_L1, settings.directBoot.initrdPath);
    boot.read("commandLine"_L1, settings.directBoot.commandLine);
    boot.readTexts("modulePaths"_L1, settings.directBoot.modulePaths);

    FieldReader vnc = reader.inner("vnc"_L1);
    vnc.read("enabled"_L1, settings.vnc.enabled);
    vnc.read("address"_L1, settings.vnc.address);
    vnc.read("port"_L1, settings.vnc.port);
    vnc.read("password"_L1, settings.vnc.password);

    reader.readList("drives"_L1, settings.drives,
                    [&](DriveSettings& drive, const QJsonValue& value, const QString& path) {
                        FieldReader item(value.toObject(), path + u'.', error);
                        item.read("type"_L1, drive.type);
                        item.read("bus"_L1, drive.bus);
                        item.read("port"_L1, drive.port);
                        item.read("path"_L1, drive.path);
                        item.read("readOnly"_L1, drive.readOnly);
                        item.read("format"_L1, drive.format);
                        item.read("cacheMode"_L1, drive.cacheMode);
                        item.read("onError"_L1, drive.onError);
                        item.read("onFull"_L1, drive.onFull);
                    });
    reader.readList("networkCards"_L1, settings.networkCards,
                    [&](NetworkCardSettings& card, const QJsonValue& value, const QString& path) {
                        FieldReader item(value.toObject(), path + u'.', error);
                        item.read("slot"_L1, card.slot);
                        item.read("macAddress"_L1, card.macAddress);
                    });
    reader.readList("serialPorts"_L1, settings.serialPorts,
                    [&](SerialPortSettings& serial, const QJsonValue& value, const QString& path) {
                        FieldReader item(value.toObject(), path + u'.', error);
                        item.read("port"_L1, serial.port);
                        item.read("mode"_L1, serial.mode);
                        item.read("path"_L1, serial.path);
                    });
    if (error)
        return *error;
    return settings;
}

} // namespace vivarium
