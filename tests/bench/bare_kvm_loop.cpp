// The cheapest possible VMM: one vCPU that runs a flat 32-bit image and ignores every exit. Its cost for
// an exit is what the host charges; run.py compares the worker's with it.
// Usage: bare_kvm_loop IMAGE LOAD_ADDRESS ENTRY_ADDRESS EXIT_PORT
// Runs until the guest writes EXIT_PORT; prints {"exits": N, "ns": T}.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace {

constexpr size_t kRamBytes = 16 << 20;

int checked(int value, const char* what) {
    if (value < 0) {
        std::perror(what);
        std::exit(1);
    }
    return value;
}

kvm_segment flatSegment(uint16_t selector, uint8_t type) {
    kvm_segment segment{};
    segment.limit = 0xFFFFFFFF;
    segment.selector = selector;
    segment.type = type;
    segment.present = 1;
    segment.db = 1;
    segment.s = 1;
    segment.g = 1;
    return segment;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5)
        return 2;
    std::ifstream file(argv[1], std::ios::binary);
    std::vector<char> image(std::istreambuf_iterator<char>(file), {});
    const auto load = std::strtoul(argv[2], nullptr, 0);
    const auto entry = std::strtoul(argv[3], nullptr, 0);
    const auto exitPort = std::strtoul(argv[4], nullptr, 0);
    if (image.empty() || load + image.size() > kRamBytes)
        return 2;

    int kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    checked(ioctl(vm, KVM_SET_TSS_ADDR, 0xFEFFD000), "KVM_SET_TSS_ADDR");
    checked(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
    auto* ram = static_cast<char*>(mmap(nullptr, kRamBytes, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memcpy(ram + load, image.data(), image.size());
    kvm_userspace_memory_region region{0, 0, 0, kRamBytes, reinterpret_cast<uint64_t>(ram)};
    checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "memory slot");
    int vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    auto runBytes = static_cast<size_t>(checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "run size"));
    auto* run = static_cast<kvm_run*>(
        mmap(nullptr, runBytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0));

    kvm_sregs sregs{};
    checked(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs = flatSegment(0x08, 11);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flatSegment(0x10, 3);
    sregs.cr0 |= 1;
    checked(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    kvm_regs regs{};
    regs.rip = entry;
    regs.rflags = 2;
    checked(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");

    uint64_t exits = 0;
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0)
            continue;
        ++exits;
        if (run->exit_reason == KVM_EXIT_IO && run->io.port == exitPort)
            break;
        if (run->exit_reason != KVM_EXIT_IO && run->exit_reason != KVM_EXIT_MMIO) {
            std::fprintf(stderr, "unexpected exit %u\n", run->exit_reason);
            return 1;
        }
    }
    const auto elapsed = std::chrono::steady_clock::now() - start;
    std::printf("{\"exits\": %lu, \"ns\": %ld}\n", static_cast<unsigned long>(exits),
                static_cast<long>(std::chrono::nanoseconds(elapsed).count()));
    return 0;
}
