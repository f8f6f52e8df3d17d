package sys

// PollEvents are the events of poll(2).
type PollEvents uint16

// POLLERR, POLLHUP and POLLNVAL are told of whether they are asked for or not.
const (
	POLLIN     PollEvents = 0x1
	POLLPRI    PollEvents = 0x2
	POLLOUT    PollEvents = 0x4
	POLLERR    PollEvents = 0x8
	POLLHUP    PollEvents = 0x10
	POLLNVAL   PollEvents = 0x20
	POLLRDNORM PollEvents = 0x40
	POLLRDBAND PollEvents = 0x80
	POLLWRNORM PollEvents = 0x100
	POLLWRBAND PollEvents = 0x200
	POLLMSG    PollEvents = 0x400
	POLLRDHUP  PollEvents = 0x2000
)

var pollEvents = flagTable{
	name:   "poll events",
	prefix: "POLL",
	flags: []flag{
		{name: "IN", value: uint64(POLLIN)},
		{name: "PRI", value: uint64(POLLPRI)},
		{name: "OUT", value: uint64(POLLOUT)},
		{name: "ERR", value: uint64(POLLERR)},
		{name: "HUP", value: uint64(POLLHUP)},
		{name: "NVAL", value: uint64(POLLNVAL)},
		{name: "RDNORM", value: uint64(POLLRDNORM)},
		{name: "RDBAND", value: uint64(POLLRDBAND)},
		{name: "WRNORM", value: uint64(POLLWRNORM)},
		{name: "WRBAND", value: uint64(POLLWRBAND)},
		{name: "MSG", value: uint64(POLLMSG)},
		{name: "RDHUP", value: uint64(POLLRDHUP)},
	},
}

// ParsePollEvents reads events by name, such as "in, out" or "POLLIN". The
// error is a [*NameError].
func ParsePollEvents(text string) (PollEvents, error) {
	v, err := pollEvents.parse(text)
	return PollEvents(v), err
}

// String is the events by name, such as "POLLIN|POLLHUP".
func (e PollEvents) String() string { return pollEvents.format(uint64(e)) }
