/* The LPC bridge, 00:1f.0, and the ISA devices behind it. */
Device (LPC)
{
    Name (_ADR, 0x001F0000)

    // PIRQ routing registers: bit 7 disables, bits 3:0 are the ISA interrupt.
    OperationRegion (PRTE, PCI_Config, 0x60, 0x0C)
    Field (PRTE, ByteAcc, NoLock, Preserve)
    {
        PRQA, 8,
        PRQB, 8,
        PRQC, 8,
        PRQD, 8,
        Offset (0x08),
        PRQE, 8,
        PRQF, 8,
        PRQG, 8,
        PRQH, 8
    }

    Device (PIC)
    {
        Name (_HID, EisaId ("PNP0000"))
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x0020, 0x0020, 0x01, 0x02)
            IO (Decode16, 0x00A0, 0x00A0, 0x01, 0x02)
            IRQNoFlags () { 2 }
        })
    }

    Device (TIMR)
    {
        Name (_HID, EisaId ("PNP0100"))
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x0040, 0x0040, 0x01, 0x04)
            IRQNoFlags () { 0 }
        })
    }

    Device (SPKR)
    {
        Name (_HID, EisaId ("PNP0800"))
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x0061, 0x0061, 0x01, 0x01)
        })
    }

    Device (DMAC)
    {
        Name (_HID, EisaId ("PNP0200"))
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x0000, 0x0000, 0x01, 0x10)
            IO (Decode16, 0x0080, 0x0080, 0x01, 0x10)
            IO (Decode16, 0x00C0, 0x00C0, 0x01, 0x20)
            DMA (Compatibility, NotBusMaster, Transfer8_16) { 4 }
        })
    }

    Device (RTC)
    {
        Name (_HID, EisaId ("PNP0B00"))
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x0070, 0x0070, 0x01, 0x04)
            IRQNoFlags () { 8 }
        })
    }

    Device (KBD)
    {
        Name (_HID, EisaId ("PNP0303"))
        Name (_STA, 0x0F)
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x0060, 0x0060, 0x01, 0x01)
            IO (Decode16, 0x0064, 0x0064, 0x01, 0x01)
            IRQNoFlags () { 1 }
        })
    }

    Device (MOU)
    {
        Name (_HID, EisaId ("PNP0F13"))
        Name (_STA, 0x0F)
        Name (_CRS, ResourceTemplate ()
        {
            IRQNoFlags () { 12 }
        })
    }

    // _STA of the serial port with bit Arg0 in COMS.
    Method (COMP, 1, NotSerialized)
    {
        If (\_SB.COMS & Arg0)
        {
            Return (0x0F)
        }
        Return (Zero)
    }

    Device (COM1)
    {
        Name (_HID, EisaId ("PNP0501"))
        Name (_UID, 1)
        Method (_STA, 0, NotSerialized) { Return (COMP (0x01)) }
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08)
            IRQNoFlags () { 4 }
        })
    }

    Device (COM2)
    {
        Name (_HID, EisaId ("PNP0501"))
        Name (_UID, 2)
        Method (_STA, 0, NotSerialized) { Return (COMP (0x02)) }
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x02F8, 0x02F8, 0x01, 0x08)
            IRQNoFlags () { 3 }
        })
    }

    Device (COM3)
    {
        Name (_HID, EisaId ("PNP0501"))
        Name (_UID, 3)
        Method (_STA, 0, NotSerialized) { Return (COMP (0x04)) }
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x03E8, 0x03E8, 0x01, 0x08)
            IRQNoFlags () { 4 }
        })
    }

    Device (COM4)
    {
        Name (_HID, EisaId ("PNP0501"))
        Name (_UID, 4)
        Method (_STA, 0, NotSerialized) { Return (COMP (0x08)) }
        Name (_CRS, ResourceTemplate ()
        {
            IO (Decode16, 0x02E8, 0x02E8, 0x01, 0x08)
            IRQNoFlags () { 3 }
        })
    }
}
