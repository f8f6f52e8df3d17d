package hypercall

import (
	"context"
	"slices"
)

type hooksKey struct{}

// WithHooks is ctx for opening kernels with hooks around what they have
// anyway. It is how a program has them in kernels that it opens by way of
// others.
func WithHooks(ctx context.Context, hooks ...Hook) context.Context {
	return context.WithValue(ctx, hooksKey{}, append(slices.Clip(hooks), HooksOf(ctx)...))
}

// HooksOf are the hooks of [WithHooks], the outermost first.
func HooksOf(ctx context.Context) []Hook {
	hooks, _ := ctx.Value(hooksKey{}).([]Hook)
	return hooks
}
