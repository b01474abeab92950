#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <map>

namespace vivarium::test {

// Files that isolinux CDs are made of; those of them that are missing are a reason to skip.
QStringList isolinuxFiles();

// A CD in `folder` that boots isolinux with this configuration and these further files (name to
// contents). Empty when it could not be made.
QString makeIsolinuxCd(const QString& folder, const QByteArray& configuration,
                       const std::map<QString, QByteArray>& files);

} // namespace vivarium::test
