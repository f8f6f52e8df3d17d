package script

import (
	"fmt"

	"go.starlark.net/syntax"
)

// Starlark counts steps and refuses recursion, but one step may make a text of
// a gigabyte. So what can make something large from something small is taken
// out of a script before it runs and put in again as a call of a function in
// memory.go, which counts first. These functions have names that no script can
// write.
const (
	add    = "(+)"
	times  = "(*)"
	shift  = "(<<)"
	format = "(%)"
	union  = "(|)"
	attr   = "(.)"
	whole  = "(=)" // its argument, counted
)

// bound rewrites a script.
func bound(f *syntax.File) (err error) {
	b := &bounder{}
	b.stmts(f.Stmts)
	return b.err
}

type bounder struct{ err error }

func (b *bounder) stmts(list []syntax.Stmt) {
	for _, s := range list {
		b.stmt(s)
	}
}

func (b *bounder) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.AssignStmt:
		b.assign(s)
	case *syntax.DefStmt:
		b.params(s.Params)
		b.stmts(s.Body)
	case *syntax.ExprStmt:
		s.X = b.expr(s.X)
	case *syntax.ForStmt:
		s.Vars, s.X = b.target(s.Vars), b.expr(s.X)
		b.stmts(s.Body)
	case *syntax.WhileStmt:
		s.Cond = b.expr(s.Cond)
		b.stmts(s.Body)
	case *syntax.IfStmt:
		s.Cond = b.expr(s.Cond)
		b.stmts(s.True)
		b.stmts(s.False)
	case *syntax.ReturnStmt:
		if s.Result != nil {
			s.Result = b.expr(s.Result)
		}
	}
}

// assign rewrites an assignment. What += and |= make grows by no more than
// what stands on their right.
func (b *bounder) assign(s *syntax.AssignStmt) {
	name, isName := s.LHS.(*syntax.Ident)
	s.LHS, s.RHS = b.target(s.LHS), b.expr(s.RHS)
	switch s.Op {
	case syntax.PLUS_EQ, syntax.PIPE_EQ:
		s.RHS = call(whole, s.OpPos, s.RHS)
	case syntax.STAR_EQ, syntax.PERCENT_EQ, syntax.LTLT_EQ:
		fn := map[syntax.Token]string{syntax.STAR_EQ: times, syntax.PERCENT_EQ: format, syntax.LTLT_EQ: shift}[s.Op]
		if !isName {
			b.fail(s.OpPos, fmt.Sprintf("%s is for variables alone: use one here", s.Op))
			return
		}
		s.Op, s.RHS = syntax.EQ, call(fn, s.OpPos, &syntax.Ident{NamePos: name.NamePos, Name: name.Name}, s.RHS)
	}
}

func (b *bounder) fail(pos syntax.Position, msg string) {
	if b.err == nil {
		b.err = syntax.Error{Pos: pos, Msg: msg}
	}
}

// target rewrites what is assigned to.
func (b *bounder) target(e syntax.Expr) syntax.Expr {
	switch e := e.(type) {
	case *syntax.DotExpr:
		e.X = b.expr(e.X)
	case *syntax.IndexExpr:
		e.X, e.Y = b.expr(e.X), b.expr(e.Y)
	case *syntax.ParenExpr:
		e.X = b.target(e.X)
	case *syntax.ListExpr:
		for i := range e.List {
			e.List[i] = b.target(e.List[i])
		}
	case *syntax.TupleExpr:
		for i := range e.List {
			e.List[i] = b.target(e.List[i])
		}
	}
	return e
}

// params rewrites the defaults of parameters.
func (b *bounder) params(list []syntax.Expr) {
	for _, p := range list {
		if d, ok := p.(*syntax.BinaryExpr); ok { // name=default
			d.Y = b.expr(d.Y)
		}
	}
}

var operators = map[syntax.Token]string{syntax.PLUS: add, syntax.STAR: times, syntax.LTLT: shift, syntax.PERCENT: format, syntax.PIPE: union}

func (b *bounder) expr(e syntax.Expr) syntax.Expr {
	switch e := e.(type) {
	case *syntax.BinaryExpr:
		e.X, e.Y = b.expr(e.X), b.expr(e.Y)
		if fn := operators[e.Op]; fn != "" {
			return call(fn, e.OpPos, e.X, e.Y)
		}
	case *syntax.CallExpr:
		e.Fn = b.expr(e.Fn)
		for i, arg := range e.Args {
			e.Args[i] = b.arg(arg)
		}
	case *syntax.DotExpr:
		return call(attr, e.Dot, b.expr(e.X), &syntax.Literal{Token: syntax.STRING, TokenPos: e.NamePos, Value: e.Name.Name})
	case *syntax.SliceExpr:
		e.X, e.Lo, e.Hi, e.Step = b.expr(e.X), b.optional(e.Lo), b.optional(e.Hi), b.optional(e.Step)
		return call(whole, e.Lbrack, e)
	case *syntax.CondExpr:
		e.Cond, e.True, e.False = b.expr(e.Cond), b.expr(e.True), b.expr(e.False)
	case *syntax.IndexExpr:
		e.X, e.Y = b.expr(e.X), b.expr(e.Y)
	case *syntax.DictEntry:
		e.Key, e.Value = b.expr(e.Key), b.expr(e.Value)
	case *syntax.DictExpr:
		b.exprs(e.List)
	case *syntax.ListExpr:
		b.exprs(e.List)
	case *syntax.TupleExpr:
		b.exprs(e.List)
	case *syntax.ParenExpr:
		e.X = b.expr(e.X)
	case *syntax.UnaryExpr:
		e.X = b.optional(e.X)
	case *syntax.LambdaExpr:
		b.params(e.Params)
		e.Body = b.expr(e.Body)
	case *syntax.Comprehension:
		b.comprehension(e)
	}
	return e
}

func (b *bounder) exprs(list []syntax.Expr) {
	for i := range list {
		list[i] = b.expr(list[i])
	}
}

func (b *bounder) optional(e syntax.Expr) syntax.Expr {
	if e == nil {
		return nil
	}
	return b.expr(e)
}

// arg rewrites an argument: x, name=x, *x or **x.
func (b *bounder) arg(e syntax.Expr) syntax.Expr {
	switch e := e.(type) {
	case *syntax.BinaryExpr:
		if e.Op == syntax.EQ {
			e.Y = b.expr(e.Y)
			return e
		}
	case *syntax.UnaryExpr:
		if e.Op == syntax.STAR || e.Op == syntax.STARSTAR {
			e.X = call(whole, e.OpPos, b.expr(e.X))
			return e
		}
	}
	return b.expr(e)
}

func (b *bounder) comprehension(c *syntax.Comprehension) {
	c.Body = b.expr(c.Body)
	for _, clause := range c.Clauses {
		switch clause := clause.(type) {
		case *syntax.ForClause:
			clause.Vars, clause.X = b.target(clause.Vars), b.expr(clause.X)
		case *syntax.IfClause:
			clause.Cond = b.expr(clause.Cond)
		}
	}
}

func call(fn string, pos syntax.Position, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: pos, Name: fn}, Lparen: pos, Args: args, Rparen: pos}
}
