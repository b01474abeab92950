#include "core/provision/iso_inspection.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto info = vivarium::parseVolumeDescriptors({data, size});
    // Whatever the bytes, the texts can be shown on one line.
    if (info.volumeId.contains(u'\n') || info.applicationId.contains(u'\n'))
        __builtin_trap();
    return 0;
}
