package main

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A source is what golang.org/x/sys knows of one OS on one architecture, by
// the names that x/sys uses.
type source struct {
	target  target
	sizes   types.Sizes
	consts  map[string]constant.Value
	structs map[string]*types.Struct
	named   map[*types.Struct]string // the reverse of structs
	errnos  []message
	signals []message
	native  map[string]string // Go name → C name, of constants and types
	files   map[string]string // constant → base name of the file that has it
	aliases map[string]string // NetBSD's call → its name with a version
	extras  []extra
}

// A message is one line of x/sys's tables of errors and of signals.
type message struct {
	num  int64
	name string
	desc string
}

// xsysDir is where the pinned golang.org/x/sys lies.
func xsysDir() (string, error) {
	dir, err := output("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys")
	if err != nil {
		return "", err
	}
	if dir == "" {
		return "", fmt.Errorf("golang.org/x/sys is not in the module cache: run go mod download golang.org/x/sys")
	}
	return filepath.Join(dir, "unix"), nil
}

// load reads the generated files of x/sys for one target.
func load(dir string, t target) (*source, error) {
	fset := token.NewFileSet()
	files, err := parseTarget(fset, dir, t)
	if err != nil {
		return nil, err
	}
	// The files refer to hand-written ones that are of no interest here, so
	// that errors are expected: what matters is checked on its own.
	conf := types.Config{
		Importer: syscallOnly{},
		Sizes:    t.sizes(),
		Error:    func(error) {},
	}
	pkg, _ := conf.Check("unix", fset, files, nil)
	s := &source{
		target:  t,
		sizes:   conf.Sizes,
		consts:  map[string]constant.Value{},
		structs: map[string]*types.Struct{},
		named:   map[*types.Struct]string{},
		files:   map[string]string{},
	}
	for _, name := range pkg.Scope().Names() {
		switch o := pkg.Scope().Lookup(name).(type) {
		case *types.Const:
			if v := constant.ToInt(o.Val()); v.Kind() == constant.Int {
				s.consts[name] = v
				s.files[name] = filepath.Base(fset.Position(o.Pos()).Filename)
			}
		case *types.TypeName:
			if st, ok := o.Type().Underlying().(*types.Struct); ok && !o.IsAlias() {
				s.structs[name] = st
				s.named[st] = name
			}
		}
	}
	if s.errnos, err = messages(files, "errorList"); err != nil {
		return nil, err
	}
	if s.signals, err = messages(files, "signalList"); err != nil {
		return nil, err
	}
	s.aliases = versionedCalls(files)
	if s.native, err = nativeNames(dir, t.goos); err != nil {
		return nil, err
	}
	s.extras, err = readExtras(t.goos)
	return s, err
}

// inFile reports whether a constant comes from the files of a kind.
func (s *source) inFile(name, kind string) bool { return strings.HasPrefix(s.files[name], kind) }

// parseTarget parses the files that a build for the target would take.
func parseTarget(fset *token.FileSet, dir string, t target) ([]*ast.File, error) {
	var files []*ast.File
	for _, kind := range []string{"zerrors", "zsysnum", "ztypes"} {
		paths, err := filepath.Glob(filepath.Join(dir, kind+"_"+t.goos+"*.go"))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			if t.builds(f) {
				files = append(files, f)
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no files for %s/%s", dir, t.goos, t.goarch)
	}
	return files, nil
}

// builds reports whether a file's build constraint holds for the target.
func (t target) builds(f *ast.File) bool {
	for _, g := range f.Comments {
		for _, c := range g.List {
			if !constraint.IsGoBuild(c.Text) {
				continue
			}
			expr, err := constraint.Parse(c.Text)
			return err == nil && expr.Eval(func(tag string) bool { return tag == t.goos || tag == t.goarch })
		}
	}
	return true
}

// messages reads a table of numbers, names and texts.
func messages(files []*ast.File, table string) ([]message, error) {
	var list []message
	var err error
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Names[0].Name != table {
				return err == nil
			}
			for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
				fields := e.(*ast.CompositeLit).Elts
				var m message
				if m.num, err = strconv.ParseInt(fields[0].(*ast.BasicLit).Value, 0, 32); err != nil {
					return false
				}
				if m.name, err = strconv.Unquote(fields[1].(*ast.BasicLit).Value); err != nil {
					return false
				}
				if m.desc, err = strconv.Unquote(fields[2].(*ast.BasicLit).Value); err != nil {
					return false
				}
				list = append(list, m)
			}
			return false
		})
	}
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("no %s found", table)
	}
	slices.SortFunc(list, func(a, b message) int { return int(a.num - b.num) })
	return list, err
}

// versioned finds NetBSD's name of a call in its prototype, such as
// "{ int|sys|30|socket(…); }", which is __socket30.
var versioned = regexp.MustCompile(`\|sys\|(\d+)\|(\w+)\(`)

// versionedCalls is the names under which NetBSD's kernel has calls that
// changed; x/sys has the newest one without its version.
func versionedCalls(files []*ast.File) map[string]string {
	aliases := map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Comment == nil {
				return true
			}
			if m := versioned.FindStringSubmatch(spec.Comment.List[0].Text); m != nil {
				aliases[spec.Names[0].Name] = "__" + m[2] + m[1]
			}
			return false
		})
	}
	return aliases
}

// nativeNames reads the input of cgo -godefs, where x/sys says which of its
// names stands for which C name.
func nativeNames(dir, goos string) (map[string]string, error) {
	path := filepath.Join(dir, "types_"+goos+".go")
	if goos == "linux" {
		path = filepath.Join(dir, "linux", "types.go")
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			if c, ok := cName(n.Type); ok {
				names[n.Name.Name] = c
			}
		case *ast.ValueSpec:
			for i, v := range n.Values {
				if c, ok := cName(v); ok {
					names[n.Names[i].Name] = c
				}
			}
		}
		return true
	})
	return names, nil
}

// cName is the C name in an expression such as C.struct_stat.
func cName(e ast.Expr) (string, bool) {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "C" {
		return "", false
	}
	return sel.Sel.Name, true
}

// syscallOnly is an importer that knows the two types of package syscall that
// x/sys's tables use.
type syscallOnly struct{}

func (syscallOnly) Import(path string) (*types.Package, error) {
	if path != "syscall" {
		return nil, fmt.Errorf("%s is not needed", path)
	}
	pkg := types.NewPackage(path, path)
	for name, kind := range map[string]types.BasicKind{"Errno": types.Uintptr, "Signal": types.Int} {
		obj := types.NewTypeName(token.NoPos, pkg, name, nil)
		types.NewNamed(obj, types.Typ[kind], nil)
		pkg.Scope().Insert(obj)
	}
	pkg.MarkComplete()
	return pkg, nil
}
