/*
 * The machine's devices. The values marked "patched" are filled in by vmm/firmware/tables: they are
 * names here rather than External objects because SeaBIOS, which looks for devices in the DSDT,
 * stops at an External.
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "VIVARM", "VIVARIUM", 0x00000001)
{
    Scope (\_SB)
    {
        Name (P32B, 0x12345678)             // patched: first address of the 32-bit PCI window
        Name (P32L, 0x12345678)             // patched: its length
        Name (P64B, 0x12345678)             // patched: the same above 4 GiB, in GiB, because
        Name (P64L, 0x12345678)             // SeaBIOS knows no 64-bit constants; 0 means none
        Name (COMS, 0x12345678)             // patched: bit n tells that COM n+1 is present
        Name (HPTE, 0x12345678)             // patched: 1 when the HPET is present
    }

    // Interrupt model that the system chose: 0 = PIC, 1 = APIC.
    Name (PICM, Zero)
    Method (_PIC, 1, NotSerialized)
    {
        PICM = Arg0
    }

    // Soft off: the sleep type that firmware uses, too.
    Name (_S5, Package () { Zero, Zero, Zero, Zero })

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A08"))
            Name (_CID, EisaId ("PNP0A03"))
            Name (_SEG, Zero)
            Name (_BBN, Zero)
            Name (_UID, Zero)

            Name (CRS0, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0x0000, 0x0000, 0x00FF, 0x0000, 0x0100)
                IO (Decode16, 0x0CF8, 0x0CF8, 0x01, 0x08)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0x0000, 0x0000, 0x0CF7, 0x0000, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0x0000, 0x0D00, 0xFFFF, 0x0000, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0x00000000, 0x000A0000, 0x000BFFFF, 0x00000000, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0x00000000, 0xC0000000, 0xFEBFFFFF, 0x00000000, 0x3EC00000,,, PW32)
            })
            Name (CRS1, ResourceTemplate ()
            {
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0x0000000000000000, 0x0000000100000000, 0x00000001FFFFFFFF,
                    0x0000000000000000, 0x0000000100000000,,, PW64)
            })
            Method (_CRS, 0, Serialized)
            {
                CreateDWordField (CRS0, \_SB.PCI0.PW32._MIN, MN32)
                CreateDWordField (CRS0, \_SB.PCI0.PW32._MAX, MX32)
                CreateDWordField (CRS0, \_SB.PCI0.PW32._LEN, LN32)
                MN32 = \_SB.P32B
                LN32 = \_SB.P32L
                MX32 = (\_SB.P32B + \_SB.P32L) - One
                If (\_SB.P64L == Zero)
                {
                    Return (CRS0)
                }
                CreateQWordField (CRS1, \_SB.PCI0.PW64._MIN, MN64)
                CreateQWordField (CRS1, \_SB.PCI0.PW64._MAX, MX64)
                CreateQWordField (CRS1, \_SB.PCI0.PW64._LEN, LN64)
                MN64 = \_SB.P64B << 30
                LN64 = \_SB.P64L << 30
                MX64 = ((\_SB.P64B + \_SB.P64L) << 30) - One
                Return (ConcatenateResTemplate (CRS0, CRS1))
            }

            // PCI Firmware 3.2, 4.5.1: the system may take over what it asks for, except
            // standard hot-plug controllers, of which there are none.
            Method (_OSC, 4, NotSerialized)
            {
                CreateDWordField (Arg3, 0, CDW1)
                If (Arg0 != ToUUID ("33DB4D5B-1FF7-401C-9657-7441C03DD766"))
                {
                    CDW1 |= 0x04            // unknown UUID
                    Return (Arg3)
                }
                CreateDWordField (Arg3, 8, CDW3)
                Local0 = CDW3 & 0x1D
                If (Arg1 != One)
                {
                    CDW1 |= 0x08            // unknown revision
                }
                If (CDW3 != Local0)
                {
                    CDW1 |= 0x10            // some were not granted
                }
                CDW3 = Local0
                Return (Arg3)
            }

            Include ("pci_routing.asl")
            Include ("lpc_devices.asl")
        }

        Include ("interrupt_links.asl")

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, Zero)
            Method (_STA, 0, NotSerialized)
            {
                If (\_SB.HPTE)
                {
                    Return (0x0F)
                }
                Return (Zero)
            }
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xFED00000, 0x00000400)
            })
        }

        // Tells that the machine's past was cut or copied (Virtual Machine Generation ID,
        // Microsoft, 2012).
        Device (VGEN)
        {
            Name (_HID, "VIVA0001")
            Name (_CID, Package () { "VM_Gen_Counter", "VM_GEN_COUNTER" })
            Name (_DDN, "VM_Gen_Counter")
            Name (ADDR, Package () { 0xFEDB0000, Zero })
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xFEDB0000, 0x00001000)
            })
        }

        // Addresses that the chipset decodes and no PCI device may be given.
        Device (MBRD)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_UID, Zero)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0092, 0x0092, 0x01, 0x01)
                IO (Decode16, 0x00B2, 0x00B2, 0x01, 0x02)
                IO (Decode16, 0x0402, 0x0402, 0x01, 0x01)
                IO (Decode16, 0x04D0, 0x04D0, 0x01, 0x02)
                IO (Decode16, 0x0510, 0x0510, 0x01, 0x0C)
                IO (Decode16, 0x0600, 0x0600, 0x01, 0x80)
                Memory32Fixed (ReadWrite, 0xB0000000, 0x10000000)
                Memory32Fixed (ReadWrite, 0xFED1C000, 0x00004000)
                Memory32Fixed (ReadWrite, 0xFEE00000, 0x00100000)
            })
        }
    }

    Scope (\_GPE)
    {
        Method (_E05, 0, NotSerialized)
        {
            Notify (\_SB.VGEN, 0x80)
        }
    }
}
