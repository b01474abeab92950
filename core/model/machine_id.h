#pragma once

#include <QHashFunctions>
#include <QMetaType>
#include <QString>
#include <QUuid>

namespace vivarium {

// Identity of a machine in the library: a random UUID, stable over renames.
class MachineId {
public:
    MachineId() = default;
    explicit MachineId(const QUuid& uuid) : m_uuid(uuid) {}
    static MachineId createRandom() { return MachineId(QUuid::createUuid()); }
    // From "123e4567-e89b-..." with or without braces; a null id for anything else.
    static MachineId fromString(const QString& text) { return MachineId(QUuid::fromString(text)); }
    QString toString() const { return m_uuid.toString(QUuid::WithoutBraces); }
    bool isNull() const { return m_uuid.isNull(); }
    bool operator==(const MachineId&) const = default;
    friend bool operator<(const MachineId& a, const MachineId& b) { return a.m_uuid < b.m_uuid; }
    friend size_t qHash(const MachineId& id, size_t seed = 0) { return qHash(id.m_uuid, seed); }

private:
    QUuid m_uuid;
};

} // namespace vivarium

Q_DECLARE_METATYPE(vivarium::MachineId)
