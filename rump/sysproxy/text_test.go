package sysproxy

import "testing"

func TestText(t *testing.T) {
	var r EndReport
	if err := Decode([]byte(`{"Reason":"panic: \u001b]0;title\u0007 \u202e \u009b1m Größe","Console":"one\n\ttwo\r\n"}`), &r); err != nil {
		t.Fatal(err)
	}
	if want := Text(`panic: \x1b]0;title\x07 \u202e \x9b1m Größe`); r.Reason != want {
		t.Errorf("the reason is %q, want %q", r.Reason, want)
	}
	if want := Text("one\n\ttwo\\x0d\n"); r.Console != want {
		t.Errorf("the console is %q, want %q", r.Console, want)
	}
	if err := Decode([]byte(`{"Reason":7}`), &r); err == nil {
		t.Error("a number is a reason")
	}
}
