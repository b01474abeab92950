#pragma once

#include <QHash>
#include <QObject>
#include <QSet>
#include <QString>

namespace vivarium {

class Library;

// What people call a disk: the file at the bottom of its chain, whatever snapshots have put on top.
// Knows what it has been asked for before; the rest it learns from the library. GUI thread.
class DiskNames : public QObject {
    Q_OBJECT
public:
    explicit DiskNames(Library& library, QObject* parent = nullptr);

    // The path of the base of the disk whose top layer is `top`: `top` itself when it has no other
    // or while that is not known.
    QString base(const QString& top) const;
    // The base's file name.
    QString name(const QString& top) const;

Q_SIGNALS:
    void learned();

private:
    void ask(const QString& top) const;

    Library& m_library;
    QHash<QString, QString> m_bases; // by top
    mutable QSet<QString> m_asked;
};

} // namespace vivarium
