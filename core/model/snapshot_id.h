#pragma once

#include <QHashFunctions>
#include <QMetaType>
#include <QString>
#include <QUuid>

namespace vivarium {

// Identity of a snapshot: a random UUID, stable over renames.
class SnapshotId {
public:
    SnapshotId() = default;
    explicit SnapshotId(const QUuid& uuid) : m_uuid(uuid) {}
    static SnapshotId createRandom() { return SnapshotId(QUuid::createUuid()); }
    // From "123e4567-e89b-..." with or without braces; a null id for anything else.
    static SnapshotId fromString(const QString& text) {
        return SnapshotId(QUuid::fromString(text));
    }
    QString toString() const { return m_uuid.toString(QUuid::WithoutBraces); }
    bool isNull() const { return m_uuid.isNull(); }
    bool operator==(const SnapshotId&) const = default;
    friend bool operator<(const SnapshotId& a, const SnapshotId& b) { return a.m_uuid < b.m_uuid; }
    friend size_t qHash(const SnapshotId& id, size_t seed = 0) { return qHash(id.m_uuid, seed); }

private:
    QUuid m_uuid;
};

} // namespace vivarium

Q_DECLARE_METATYPE(vivarium::SnapshotId)
