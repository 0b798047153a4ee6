package identity

// none is the end of a list of edges.
const none = -1

// halfEdge is one direction of an edge, in the doubly linked list of the node it leaves. The two directions of edge e
// are the halves 2e and 2e+1, so that from one end the other is found at once.
type halfEdge struct {
	to             int32
	next, previous int32
}

// edgeTable holds the distinct edges of the graph; count is how many active links each stands for.
type edgeTable struct {
	half  []halfEdge
	count []uint32
	free  []int32
}

// find looks for the edge from n to m in both ends' lists at the same pace, so that its cost is that of the shorter.
// It returns the half that leaves n, or none.
func (t *edgeTable) find(fromN, fromM, n, m int32) int32 {
	for x, y := fromN, fromM; x != none && y != none; x, y = t.half[x].next, t.half[y].next {
		if t.half[x].to == m {
			return x
		}
		if t.half[y].to == n {
			return y ^ 1
		}
	}
	return none
}

// add puts a new edge at the head of both ends' lists.
func (t *edgeTable) add(headN, headM *int32, n, m int32) {
	e := t.room()
	t.count[e>>1] = 1
	t.push(headN, e, m)
	t.push(headM, e^1, n)
}

func (t *edgeTable) room() int32 {
	if last := len(t.free) - 1; last >= 0 {
		e := t.free[last]
		t.free = t.free[:last]
		return e
	}
	t.half = append(t.half, halfEdge{}, halfEdge{})
	t.count = append(t.count, 0)
	return int32(len(t.half) - 2)
}

func (t *edgeTable) push(head *int32, e, to int32) {
	t.half[e] = halfEdge{to: to, next: *head, previous: none}
	if *head != none {
		t.half[*head].previous = e
	}
	*head = e
}

// remove takes an edge out of both lists; head is that of the node which e leaves, otherHead that of the one it enters.
func (t *edgeTable) remove(e int32, head, otherHead *int32) {
	t.drop(head, e)
	t.drop(otherHead, e^1)
	t.free = append(t.free, e&^1)
}

func (t *edgeTable) drop(head *int32, e int32) {
	h := t.half[e]
	if h.previous != none {
		t.half[h.previous].next = h.next
	} else {
		*head = h.next
	}
	if h.next != none {
		t.half[h.next].previous = h.previous
	}
}

// move takes an edge from one list of each of its ends, n first, and puts it into another.
func (t *edgeTable) move(e, n, m int32, from, to [2]*int32) {
	t.drop(from[0], e)
	t.drop(from[1], e^1)
	t.push(to[0], e, m)
	t.push(to[1], e^1, n)
}
