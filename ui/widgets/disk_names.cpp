#include "ui/widgets/disk_names.h"

#include "core/database/library.h"
#include "ui/widgets/future_reply.h"

#include <QFileInfo>

namespace vivarium {

DiskNames::DiskNames(Library& library, QObject* parent) : QObject(parent), m_library(library) {
    // Snapshots and merges give drives other tops, and seldom another base.
    connect(&library, &Library::machineChanged, this, [this] { m_asked.clear(); });
}

QString DiskNames::base(const QString& top) const {
    if (top.isEmpty())
        return top;
    ask(top);
    return m_bases.value(top, top);
}

QString DiskNames::name(const QString& top) const {
    return QFileInfo(base(top)).fileName();
}

void DiskNames::ask(const QString& top) const {
    if (m_asked.contains(top))
        return;
    m_asked.insert(top);
    auto* self = const_cast<DiskNames*>(this); // what it learns is a cache
    whenReplied(self, m_library.layersOf({top}),
                [self, top](const Result<QList<DiskLayer>>& layers) {
                    if (!layers)
                        return;
                    QHash<QString, QString> parents;
                    for (const DiskLayer& layer : *layers)
                        parents.insert(layer.path, layer.parent);
                    QString base = top;
                    for (qsizetype step = 0;
                         step < kMaxChainLength && !parents.value(base).isEmpty(); ++step)
                        base = parents.value(base);
                    if (self->m_bases.value(top, top) == base)
                        return;
                    self->m_bases.insert(top, base);
                    Q_EMIT
                    self->learned();
                });
}

} // namespace vivarium
