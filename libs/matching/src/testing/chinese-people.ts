/**
 * Chinese customers, made up for this test and labelled by hand: no record is of a real person. Each group holds records that
 * are easily taken for one another; within a group every two records are a pair, the same person where their letters are
 * the same. `person | name | phone | birth date | address | e-mail`, what is missing is empty.
 */
import { featuresOf, type Features } from '../features.js';

const GROUPS: readonly { about: string; records: string }[] = [
  {
    about: 'the commonest name there is',
    records: `A | 张伟 | 13800010001 | 1985-03-12 | 北京市朝阳区建国路88号 | zhangwei85@example.com
      A | 张伟 | +86 138 0001 0001 | | 北京朝阳建国路88号 | 
      B | 张伟 | 13911112222 | 1990-11-02 | 北京市海淀区中关村大街1号 | 
      C | 张伟 | 13600003333 | 1978-06-30 | 上海市浦东新区世纪大道100号 | zw1978@example.com
      D | 张炜 | 15000004444 | 1985-09-21 | 北京市朝阳区望京街9号 | `,
  },
  {
    about: 'traditional and simplified',
    records: `A | 陳曉東 | 13500135001 | 1979-01-05 | 廣東省深圳市南山區科技園路12號 | 
      A | 陈晓东 | 13500135001 | 1979-01-05 | 广东省深圳市南山区科技园路12号 | chenxd@example.com
      A | 陈晓东 | 13500135010 | 1979-01-05 | | 
      B | 陈小东 | 13700137002 | 1983-07-19 | 广东省深圳市福田区深南大道3号 | 
      C | 陳曉冬 | 13400134003 | 1991-12-25 | 广东省广州市天河区体育西路5号 | `,
  },
  {
    about: 'spelled in pinyin, in any order',
    records: `A | 刘晓明 | 18600186001 | 1988-08-08 | 江苏省南京市鼓楼区中山路18号 | liuxm@example.com
      A | Liu Xiaoming | 18600186001 | | | liuxm@example.com
      A | Xiaoming Liu | | 1988-08-08 | | 
      A | LIU XIAO MING | 18600186001 | 1988-08-08 | | 
      B | 刘小敏 | 18600187777 | 1993-02-14 | 江苏省南京市玄武区珠江路6号 | 
      C | Liu Xiaoling | 18600188888 | 1990-05-05 | | xl.liu@example.org`,
  },
  {
    about: 'a family with one phone and one address',
    records: `A | 王建国 | 13900139001 | 1962-04-01 | 山东省济南市历下区泺源大街20号 | 
      A | 王建国 | 13900139001 | | 济南市历下区泺源大街二十号 | 
      B | 李秀英 | 13900139001 | 1964-10-11 | 山东省济南市历下区泺源大街20号 | 
      C | 王磊 | 13900139001 | 1989-05-20 | 山东省济南市历下区泺源大街20号 | 
      D | 王丽 | 13900139001 | 1992-09-09 | 山东省济南市历下区泺源大街20号 | `,
  },
  {
    about: 'a character typed wrong by its sound',
    records: `A | 赵志强 | 13812340001 | 1975-12-01 | 四川省成都市武侯区人民南路四段11号 | 
      A | 赵志墙 | 13812340001 | 1975-12-01 | 成都市武侯区人民南路四段11号 | 
      A | 赵自强 | 13812340001 | | 四川省成都市武侯区人民南路四段11号 | 
      B | 赵志刚 | 13812340002 | 1977-03-03 | 四川省成都市锦江区春熙路7号 | 
      B | 赵志刚 | 13812340002 | 1977-03-03 | | zhaozg@example.com`,
  },
  {
    about: 'moved to another city',
    records: `A | 孙丽华 | 13712345678 | 1980-02-29 | 湖北省武汉市江汉区解放大道688号 | sunlh@example.com
      A | 孙丽华 | 13712345678 | 1980-02-29 | 浙江省杭州市西湖区文三路90号 | 
      A | 孙丽华 | 15812345678 | 1980-02-29 | 浙江省杭州市西湖区文三路90号 | sunlh@example.com
      B | 孙丽华 | 13566667777 | 1971-07-07 | 湖北省武汉市武昌区中南路14号 | 
      C | 孙丽花 | 13588889999 | 1995-01-30 | 浙江省杭州市拱墅区莫干山路2号 | `,
  },
  {
    about: 'as colleagues say it',
    records: `A | 周杰明 | 13312340005 | 1987-06-15 | 福建省厦门市思明区湖滨南路57号 | 
      A | 小周 | 13312340005 | | | 
      A | 阿明 | 13312340005 | | 厦门市思明区湖滨南路57号 | 
      A | 周先生 | 13312340005 | | 厦门市思明区湖滨南路57号 | 
      B | 周杰 | 13377770006 | 1991-10-10 | 福建省厦门市湖里区兴隆路3号 | 
      C | 小周 | 13388880007 | | | `,
  },
  {
    about: 'a digit wrong in the phone',
    records: `A | 吴海燕 | 15900159001 | 1983-09-17 | 天津市和平区南京路75号 | 
      A | 吴海燕 | 15900159007 | 1983-09-17 | 天津市和平区南京路75号 | 
      A | 吴海燕 | 15900195001 | | 天津和平区南京路75号 | 
      B | 吴海艳 | 15900159002 | 1969-01-23 | 天津市南开区黄河道400号 | 
      C | 武海燕 | 15911119003 | 1990-12-12 | 天津市河西区友谊路33号 | `,
  },
  {
    about: 'two-character surnames',
    records: `A | 欧阳娜 | 18812340008 | 1994-04-04 | 湖南省长沙市岳麓区麓山南路9号 | 
      A | 歐陽娜 | 18812340008 | | 湖南長沙嶽麓區麓山南路9號 | ouyangna@example.com
      A | Ouyang Na | 18812340008 | 1994-04-04 | | 
      B | 欧阳丽娜 | 18856780009 | 1996-06-06 | 湖南省长沙市天心区芙蓉中路三段1号 | 
      C | 欧娜 | 18890120010 | 1988-08-18 | 湖南省株洲市天元区长江北路8号 | `,
  },
  {
    about: 'brothers',
    records: `A | 马超 | 13612340011 | 1990-01-01 | 宁夏银川市兴庆区解放西街2号 | 
      B | 马越 | 13612340011 | 1993-03-03 | 宁夏银川市兴庆区解放西街2号 | 
      A | 马超 | 13612340011 | 1990-01-01 | 银川市兴庆区解放西街2号 | machao@example.com
      B | 马越 | 13698760012 | 1993-03-03 | 宁夏银川市兴庆区解放西街2号 | 
      C | 马超 | 13655550013 | 1985-11-11 | 宁夏吴忠市利通区朝阳街6号 | `,
  },
  {
    about: 'a family of three generations',
    records: `A | 郑国强 | 13512340014 | 1950-05-01 | 辽宁省大连市中山区人民路23号 | 
      B | 郑伟 | 13512340015 | 1976-08-19 | 辽宁省大连市中山区人民路23号 | 
      C | 郑浩然 | | 2003-10-01 | 辽宁省大连市中山区人民路23号 | 
      B | 鄭偉 | 13512340015 | 1976-08-19 | 大连市中山区人民路23号 | zhengw@example.com
      D | 刘芳 | 13512340015 | 1978-02-02 | 辽宁省大连市中山区人民路23号 | `,
  },
  {
    about: 'full width, blanks and dots',
    records: `A | 何\u3000静 | １３４００１３４００１ | 1986-07-07 | 重庆市渝中区民权路２８号 | 
      A | 何静 | 13400134001 | 1986-07-07 | 重庆渝中区民权路28号 | hejing@example.com
      A | 何 静 | 134-0013-4001 | | | HeJing@Example.com
      B | 何婧 | 13400139999 | 1992-03-18 | 重庆市江北区建新北路16号 | 
      B | 何婧 | 13400139999 | | 重庆江北建新北路16号 | `,
  },
  {
    about: 'day and month the other way round',
    records: `A | 林雪梅 | 18012340016 | 1991-05-08 | 福建省福州市鼓楼区东街口1号 | 
      A | 林雪梅 | 18012340016 | 1991-08-05 | 福州市鼓楼区东街口1号 | 
      A | 林雪梅 | | 1991-05-08 | 福建省福州市鼓楼区东街口1号 | linxm@example.com
      B | 林雪 | 18098760017 | 1991-05-18 | 福建省泉州市丰泽区刺桐路88号 | 
      C | 林雪梅 | 18055550018 | 1966-12-31 | 福建省福州市仓山区上三路7号 | `,
  },
  {
    about: 'given and family name in the wrong fields, or Western order',
    records: `A | 黄文博 | 13112340019 | 1984-10-24 | 广西南宁市青秀区民族大道131号 | 
      A | Wenbo Huang | 13112340019 | 1984-10-24 | | wenbo.huang@example.com
      A | Huang, Wenbo | | 1984-10-24 | | wenbo.huang@example.com
      B | 黄文斌 | 13187650020 | 1986-01-24 | 广西柳州市城中区龙城路5号 | 
      C | Huang Wen | 13155550021 | | | hw@example.org`,
  },
  {
    about: 'an English name beside the Chinese one',
    records: `A | 徐静怡 Jenny Xu | 13012340022 | 1995-11-30 | 上海市徐汇区漕溪北路45号 | jenny.xu@example.com
      A | 徐静怡 | 13012340022 | 1995-11-30 | 上海市徐汇区漕溪北路45号 | 
      A | Jenny Xu | 13012340022 | | | jenny.xu@example.com
      B | 徐静 | 13087650023 | 1990-04-30 | 上海市徐汇区漕溪北路595号 | 
      C | 徐敬一 | 13055550024 | 1982-08-28 | 上海市长宁区延安西路2299号 | `,
  },
  {
    about: 'husband and wife',
    records: `A | 高峰 | 13212340025 | 1981-03-21 | 陕西省西安市雁塔区长安南路300号 | family.gao@example.com
      B | 田甜 | 13212340025 | 1983-06-01 | 陕西省西安市雁塔区长安南路300号 | family.gao@example.com
      A | 高峯 | 13212340025 | | 西安市雁塔区长安南路300号 | 
      B | 田甜 | 13287650026 | 1983-06-01 | 西安雁塔区长安南路300号 | 
      C | 高锋 | 13255550027 | 1970-09-15 | 陕西省咸阳市秦都区人民西路9号 | `,
  },
  {
    about: 'house numbers that differ',
    records: `A | 罗敏 | 15112340028 | | 云南省昆明市五华区翠湖南路4号2单元301室 | 
      A | 罗敏 | 15112340028 | 1987-12-07 | 昆明市五华区翠湖南路4号二单元301 | 
      B | 罗敏 | 15187650029 | 1979-05-30 | 云南省昆明市五华区翠湖南路40号 | 
      C | 罗明 | 15155550030 | | 云南省昆明市五华区翠湖南路4号1单元102室 | 
      B | 羅敏 | 15187650029 | | 昆明五华区翠湖南路40号 | `,
  },
  {
    about: 'surnames read in their own way',
    records: `A | 单小雨 | 15212340031 | 1998-02-11 | 安徽省合肥市包河区徽州大道77号 | 
      A | Shan Xiaoyu | 15212340031 | | | shanxy@example.com
      A | 單小雨 | 15212340031 | 1998-02-11 | | shanxy@example.com
      B | 仇小雨 | 15287650032 | 1997-07-21 | 安徽省芜湖市镜湖区中山路6号 | 
      B | Qiu Xiaoyu | 15287650032 | 1997-07-21 | | 
      C | 单晓宇 | 15255550033 | 1989-09-29 | 安徽省合肥市庐阳区长江中路3号 | `,
  },
  {
    about: 'an office with one switchboard',
    records: `A | 宋佳 | 02188880000 | 1988-01-15 | 上海市静安区南京西路1266号 | songjia@example.cn
      B | 宋杰 | 02188880000 | 1985-05-25 | 上海市静安区南京西路1266号 | songjie@example.cn
      C | 唐宁 | 02188880000 | 1990-10-05 | 上海市静安区南京西路1266号 | tangning@example.cn
      A | 宋佳 | 021-8888 0000 | | 上海静安区南京西路1266号 | songjia@example.cn
      D | 宋嘉 | 02166660000 | 1993-03-31 | 上海市黄浦区西藏中路268号 | `,
  },
  {
    about: 'another mailbox, another number',
    records: `A | 韩雪松 | 15312340034 | 1982-11-19 | 黑龙江省哈尔滨市南岗区西大直街92号 | hanxuesong@example.com
      A | 韩雪松 | 15312340035 | 1982-11-19 | 黑龙江省哈尔滨市南岗区西大直街92号 | hanxuesong@example.org
      A | 韓雪松 | 18912340034 | | 哈尔滨市南岗区西大直街92号 | 
      B | 韩雪 | 15387650036 | 1989-04-09 | 黑龙江省哈尔滨市道里区中央大街5号 | 
      C | 韩松 | 15355550037 | 1975-08-30 | 黑龙江省大庆市萨尔图区会战大街3号 | `,
  },
  {
    about: 'the same name and the same birthday, two people',
    records: `A | 李娜 | 13412340038 | 1986-10-01 | 河南省郑州市金水区花园路40号 | 
      B | 李娜 | 15612340039 | 1986-10-01 | 广东省佛山市禅城区祖庙路21号 | lina86@example.org
      A | 李娜 | 13412340038 | | 郑州市金水区花园路40号 | lina.zz@example.com
      B | 李娜 | 15612340039 | 1986-10-01 | 佛山市禅城区祖庙路21号 | 
      C | 李娜 | 13455550040 | 1991-02-03 | 河南省洛阳市西工区中州中路8号 | `,
  },
  {
    about: 'twins',
    records: `A | 朱子轩 | 13812340041 | 2001-06-18 | 江西省南昌市东湖区八一大道357号 | 
      B | 朱子涵 | 13812340041 | 2001-06-18 | 江西省南昌市东湖区八一大道357号 | 
      A | 朱子轩 | 13987650041 | 2001-06-18 | 江西省南昌市东湖区八一大道357号 | zhuzixuan@example.com
      B | 朱子涵 | | 2001-06-18 | 南昌市东湖区八一大道357号 | zhuzihan@example.com
      C | 朱志轩 | 13855550042 | 1999-01-08 | 江西省九江市浔阳区大中路6号 | `,
  },
  {
    about: 'transliterated names with a dot',
    records: `A | 买买提·艾力 | 13912340043 | 1980-07-01 | 新疆乌鲁木齐市天山区解放南路8号 | 
      A | 买买提艾力 | 13912340043 | | 乌鲁木齐市天山区解放南路8号 | 
      A | 買買提·艾力 | 13912340043 | 1980-07-01 | | 
      B | 买买提·吐尔逊 | 13987650044 | 1984-02-17 | 新疆喀什市人民东路5号 | 
      C | 艾力·买买提 | 13955550045 | 1973-03-27 | 新疆乌鲁木齐市沙依巴克区友好南路6号 | `,
  },
  {
    about: 'Taiwan and the mainland',
    records: `A | 葉志豪 | +886912345046 | 1983-05-13 | 台灣台北市信義區松仁路100號 | yeh.ch@example.tw
      A | 叶志豪 | 0912345046 | 1983-05-13 | 台湾台北市信义区松仁路100号 | 
      A | 葉志豪 | +886 912 345 046 | | | yeh.ch@example.tw
      B | 葉志偉 | +886923456047 | 1985-08-23 | 台灣台北市大安區和平東路二段1號 | 
      C | 叶子豪 | 13855550048 | 1983-05-30 | 福建省福州市台江区广达路9号 | `,
  },
  {
    about: 'north and south do not say it alike',
    records: `A | 邓丽群 | 13512340049 | 1977-09-03 | 贵州省贵阳市云岩区中华北路10号 | 
      A | 邓莉琼 | 13512340049 | 1977-09-03 | 贵阳市云岩区中华北路10号 | 
      A | 邓丽裙 | 13512340049 | | 贵州省贵阳市云岩区中华北路10号 | 
      B | 邓丽君 | 13587650050 | 1974-05-08 | 贵州省遵义市红花岗区中山路4号 | 
      C | 邓立群 | 13555550051 | 1959-12-04 | 贵州省贵阳市南明区遵义路1号 | `,
  },
  {
    about: 'single-character given names alike in sound',
    records: `A | 曹静 | 13612340052 | 1993-11-14 | 河北省石家庄市长安区中山东路126号 | 
      A | 曹静 | 13612340052 | 1993-11-14 | | caojing93@example.com
      A | Cao Jing | | 1993-11-14 | 河北省石家庄市长安区中山东路126号 | caojing93@example.com
      B | 曹晶 | 13687650053 | 1990-01-22 | 河北省石家庄市桥西区自强路118号 | 
      C | 曹菁 | 13655550054 | 1987-07-16 | 河北省保定市莲池区裕华路3号 | `,
  },
  {
    about: 'only a name and a phone',
    records: `A | 彭飞 | 13712340055 | | | 
      A | 彭飞 | +8613712340055 | | | 
      A | 彭 | 13712340055 | | | 
      B | 彭菲 | 13787650056 | | | 
      C | 彭飞 | 13755550057 | | | 
      D | 彭非 | 13712340056 | | | `,
  },
  {
    about: 'the same flat, one tenant after the other',
    records: `A | 蒋文静 | 18912340058 | 1992-06-26 | 江苏省苏州市姑苏区干将东路178号5幢602室 | 
      B | 蒋婷 | 18987650059 | 1996-04-12 | 江苏省苏州市姑苏区干将东路178号5幢602室 | 
      C | 沈浩 | 18955550060 | 1988-02-08 | 江苏省苏州市姑苏区干将东路178号5幢602室 | 
      A | 蔣文靜 | 18912340058 | | 苏州市姑苏区干将东路178号5幢602 | 
      A | 蒋文静 | 18912340058 | 1992-06-26 | 上海市闵行区沪闵路6000号 | `,
  },
  {
    about: 'a number that was given away to somebody else',
    records: `A | 傅强 | 15912340061 | 1970-10-20 | 山西省太原市迎泽区五一路9号 | 
      B | 谭晓丽 | 15912340061 | 1998-08-24 | 山西省大同市平城区御河西路7号 | 
      A | 傅强 | 13012340061 | 1970-10-20 | 山西省太原市迎泽区五一路9号 | 
      C | 付强 | 15955550062 | 1985-12-15 | 山西省太原市小店区长风街2号 | 
      B | 谭晓莉 | 15912340061 | 1998-08-24 | | `,
  },
  {
    about: 'Hong Kong and Macau',
    records: `A | 黃家駒 | +85291234063 | 1984-06-10 | 香港九龍彌敦道500號 | ka.wong@example.hk
      A | 黄家驹 | 91234063 | 1984-06-10 | 香港九龙弥敦道500号 | 
      A | Ka Wong | +85291234063 | | | ka.wong@example.hk
      B | 黃家強 | +85298765064 | 1986-11-13 | 香港九龍彌敦道500號 | 
      C | 黄嘉驹 | 13855550065 | 1992-01-31 | 广东省珠海市香洲区凤凰路8号 | `,
  },
];

export interface LabelledPair {
  about: string;
  a: Features;
  b: Features;
  same: boolean;
}

export function chinesePairs(): LabelledPair[] {
  return GROUPS.flatMap(({ about, records }) => {
    const read = records.split('\n').map(recordOf);
    return read.flatMap((a, place) =>
      read.slice(place + 1).map((b) => ({ about, a: a.features, b: b.features, same: a.person === b.person })),
    );
  });
}

function recordOf(line: string): { person: string; features: Features } {
  const [person = '', full = '', phone = '', birthDate = '', address = '', email = ''] = line
    .split('|')
    .map((cell) => cell.trim());
  return {
    person,
    features: featuresOf({
      kind: 'person',
      name: { full },
      ...(birthDate !== '' && { birthDate }),
      ...(address !== '' && { address: { lines: [address] } }),
      phones: phone === '' ? [] : [phone],
      emails: email === '' ? [] : [email],
    }),
  };
}
