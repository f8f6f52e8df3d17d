package blkfront

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"strconv"

	"github.com/anykernel/anykernel/xen/grants"
	"github.com/anykernel/anykernel/xen/xenbus"
)

// Bit of the key "info".
const infoReadOnly = 4

// connect begins with a back end, and is what that says of the disk.
func (d *Disk) connect(ctx context.Context) (info, error) {
	dev := d.device
	if err := dev.AwaitBackend(ctx, xenbus.InitWait, xenbus.Initialised, xenbus.Connected); err != nil {
		return info{}, err
	}
	order, err := limit(ctx, dev, "max-ring-page-order", maxRingOrder)
	if err != nil {
		return info{}, err
	}
	refs, err := dev.Grants.GrantRegion(dev.BackendID, d.all.Slice(0, memory), false)
	if err != nil {
		return info{}, err
	}
	port, err := dev.Events.Alloc(dev.BackendID)
	if err != nil {
		return info{}, err
	}
	d.begin(port, refs, order)
	i, segments, err := introduce(ctx, dev, port.Number(), refs[:1<<order])
	if err != nil {
		port.Close()
		return info{}, err
	}
	d.mu.Lock()
	d.segments = max(segments, directSegments)
	d.mu.Unlock()
	d.start()
	return i, nil
}

// introduce tells the back end of the ring, and asks it for the disk and for
// how many segments a request may have with indirect descriptors.
//
// The pages of requests are the same all the time, so the back end may keep
// them mapped (feature-persistent).
func introduce(ctx context.Context, d *xenbus.Device, port uint32, ring []grants.Ref) (info, int, error) {
	values := map[string]string{
		"event-channel":      strconv.FormatUint(uint64(port), 10),
		"protocol":           "x86_64-abi",
		"feature-persistent": "1",
	}
	for i, ref := range ring {
		name := "ring-ref"
		if len(ring) > 1 {
			name += strconv.Itoa(i)
			values["ring-page-order"] = strconv.Itoa(bits.TrailingZeros(uint(len(ring))))
		}
		values[name] = strconv.FormatUint(uint64(ref), 10)
	}
	err := d.Publish(ctx, values)
	if err == nil {
		err = d.SetState(ctx, xenbus.Initialised)
	}
	if err == nil {
		err = d.AwaitBackend(ctx, xenbus.Connected)
	}
	if err != nil {
		return info{}, 0, err
	}
	i, err1 := readInfo(ctx, d)
	segments, err2 := limit(ctx, d, "feature-max-indirect-segments", maxSegments)
	if err := errors.Join(err1, err2); err != nil {
		return info{}, 0, err
	}
	return i, segments, d.SetState(ctx, xenbus.Connected)
}

// limit is a number of the back end's, 0 where it says nothing, and most where
// that is more.
func limit(ctx context.Context, d *xenbus.Device, name string, most uint64) (int, error) {
	n, err := d.Store.Now().ReadUint(ctx, d.Backend+"/"+name, 32)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return int(min(n, most)), err
}

func readInfo(ctx context.Context, d *xenbus.Device) (info, error) {
	now := d.Store.Now()
	sectors, err1 := now.ReadUint(ctx, d.Backend+"/sectors", 64)
	block, err2 := now.ReadUint(ctx, d.Backend+"/sector-size", 32)
	flags, err3 := now.ReadUint(ctx, d.Backend+"/info", 32)
	if err := errors.Join(err1, err2, err3); err != nil {
		return info{}, err
	}
	if sectors > maxSectors || block < sectorSize || block > pageSize || block&(block-1) != 0 {
		return info{}, fmt.Errorf("%s: a disk of %d sectors, with blocks of %d bytes", d.Name(), sectors, block)
	}
	return info{
		sectors: sectors, block: int(block), readOnly: flags&infoReadOnly != 0,
		flush: d.Feature(ctx, "feature-flush-cache"), discard: d.Feature(ctx, "feature-discard"),
	}, nil
}
