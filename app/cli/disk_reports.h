#pragma once

#include "core/jobs/image_tool.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>

#include <vector>

namespace vivarium::cli {

// What `viv disk` prints of the jobs' answers. JSON sizes are numbers of bytes.
QJsonObject imageInfoJson(const QString& path, const control::ImageInfo& info);
QString imageInfoText(const QString& path, const control::ImageInfo& info);

QJsonObject checkJson(const control::ImageCheck& check);
QString checkText(const control::ImageCheck& check);

QJsonArray mapJson(const std::vector<control::ImageExtent>& extents,
                   const QList<ImageTool::Layer>& chain);
QString mapText(const std::vector<control::ImageExtent>& extents,
                const QList<ImageTool::Layer>& chain);

} // namespace vivarium::cli
