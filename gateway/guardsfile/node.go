package guardsfile

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// node is the document as it is to be written: keys in the order in which people think of them, what is 0 left out.
func (d document) node() *yaml.Node {
	types := &yaml.Node{Kind: yaml.SequenceNode}
	types.HeadComment = "Strongest first: over a limit the weakest identifier of an event is left out."
	for _, g := range d.Types {
		types.Content = append(types.Content, g.node())
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	addCount(root, "profile_most", d.ProfileMost)
	if len(types.Content) > 0 {
		root.Content = append(root.Content, scalar("types"), types)
	}
	return root
}

func (g guard) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	n.Content = append(n.Content, scalar("type"), scalar(string(g.Type)))
	addCount(n, "most", g.Most)
	if g.Window > 0 {
		n.Content = append(n.Content, scalar("window"), scalar(g.Window.text()))
	}
	addCount(n, "shared_above", g.SharedAbove)
	if len(g.BlockedPatterns) == 0 {
		return n
	}
	patterns := &yaml.Node{Kind: yaml.SequenceNode}
	for _, p := range g.BlockedPatterns {
		text := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(p), Style: yaml.SingleQuotedStyle}
		patterns.Content = append(patterns.Content, text)
	}
	n.Content = append(n.Content, scalar("blocked_patterns"), patterns)
	return n
}

func addCount(n *yaml.Node, name string, c count) {
	if c > 0 {
		n.Content = append(n.Content, scalar(name), &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatUint(uint64(c), 10)})
	}
}

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}
