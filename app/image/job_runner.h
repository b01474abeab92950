#pragma once

#include "app/image/job_service.h"

namespace vivarium::image {

// Carries out one request of vmm/control/image_messages.h. Blocks; any thread, in the sandbox.
Result<nlohmann::json> runJob(JobRequest request, JobOutput& output);

} // namespace vivarium::image
