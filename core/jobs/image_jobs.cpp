#include "core/jobs/image_jobs.h"

namespace vivarium {

namespace {

// Jobs mostly wait for the disk and for their process.
constexpr int kMaxJobs = 8;

} // namespace

ImageJobs::ImageJobs(ImageTool tool) : m_tool(std::move(tool)) {
    m_pool.setMaxThreadCount(kMaxJobs);
}

ImageJobs::~ImageJobs() {
    *m_ending = true;
    m_pool.clear();
    m_pool.waitForDone();
}

} // namespace vivarium
