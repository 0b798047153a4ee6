package importer_test
import ("testing"; profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1")
func TestZZ(t *testing.T){
 for _,n:=range []string{"online_retail","completejourney"} {
 s:=newCountingSink(); over,big,maxl,maxb:=0,0,0,0
 s.each=func(_ string,i *profferv1.Item){ b:=0; for _,l:=range i.GetLines(){b+=len(l.Item)+len(l.Category)+len(l.Amount)+len(l.Quantity)}; for k,v:=range i.Attributes{b+=len(k)+len(v)}
 if len(i.Lines)>500{over++}; if b>32<<10{big++}; maxl=max(maxl,len(i.Lines)); maxb=max(maxb,b)}
 importAll(t,n,s,dataFolder(t,n)); t.Log(n,over,big,maxl,maxb)}
}
